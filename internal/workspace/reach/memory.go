package reach

import (
	"strings"
	"sync"
	"sync/atomic"
	"weak"
)

// memory remembers what was read by its hash, as long as some graph uses it:
// it holds nothing itself.
type memory struct {
	mu     sync.Mutex
	nodes  map[string]weak.Pointer[node]
	files  map[fileKey]weak.Pointer[facts]
	pruned int          // how many entries were alive when the dead ones were last taken out
	parsed atomic.Int64 // files that were parsed since facts were last kept
}

type fileKey struct {
	hash string
	kind fileKind
}

func newMemory() *memory {
	return &memory{nodes: map[string]weak.Pointer[node]{}, files: map[fileKey]weak.Pointer[facts]{}}
}

func (m *memory) node(hash string) *node {
	if hash == "" {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.nodes[hash].Value()
}

func (m *memory) keepNode(n *node) {
	if n.hash == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nodes[n.hash] = weak.Make(n)
}

func (m *memory) facts(hash string, kind fileKind) *facts {
	if hash == "" {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.files[fileKey{hash, kind}].Value()
}

// keepFacts remembers facts; of two that read the same at once both get the
// facts of the first.
func (m *memory) keepFacts(hash string, kind fileKind, f *facts) *facts {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := fileKey{hash, kind}
	if known := m.files[key].Value(); known != nil {
		return known
	}
	m.files[key] = weak.Make(f)
	return f
}

// alive are the facts of the files that some graph uses, by what a file system
// said of their content: no more than fits into the key of a record.
func (m *memory) alive() map[fileKey]*facts {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[fileKey]*facts, len(m.files))
	for key, p := range m.files {
		if f := p.Value(); f != nil && len(key.hash) < 256 && !strings.HasPrefix(key.hash, ownHash) {
			out[key] = f
		}
	}
	return out
}

// prune takes out the entries of what no graph uses any more, whenever they
// may have become half of all.
func (m *memory) prune() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.nodes)+len(m.files) < 2*m.pruned+1000 {
		return
	}
	for k, p := range m.nodes {
		if p.Value() == nil {
			delete(m.nodes, k)
		}
	}
	for k, p := range m.files {
		if p.Value() == nil {
			delete(m.files, k)
		}
	}
	m.pruned = len(m.nodes) + len(m.files)
}

package engines

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hashicorp/go-version"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
)

// memory keeps what binaries told about their version, because asking takes
// 25 to 40 ms and every phase of every run needs to know. An answer holds
// while path, size, modification time and inode stay the same.
//
// Only engines are remembered. Anything else of that name is a version
// switcher's: its answer depends on the directory, the environment and on its
// own settings, which its file does not show.
type memory struct {
	file  string
	known map[string]answer // by path
}

type answer struct {
	identity
	Version string `json:"version"`
	Engine  bool   `json:"engine"` // it is an engine itself; without this, an older tfops may have asked a version switcher
}

// identity tells cheaply that a file is still the same.
type identity struct {
	Size    int64  `json:"size"`
	ModTime int64  `json:"mod_time"` // nanoseconds since 1970
	Inode   uint64 `json:"inode"`
}

func identify(info os.FileInfo) identity {
	id := identity{Size: info.Size(), ModTime: info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		id.Inode = st.Ino
	}
	return id
}

// loadMemory reads the memory; one that is missing or damaged is empty.
func loadMemory(file string) *memory {
	m := &memory{file: file, known: map[string]answer{}}
	data, err := datafile.Read(file, datafile.Record)
	if err != nil || json.Unmarshal(data, &m.known) != nil || m.known == nil {
		m.known = map[string]answer{}
	}
	return m
}

// version returns the version of the binary at path, asking it if need be.
func (m *memory) version(ctx context.Context, path string, at place) (*version.Version, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	id := identify(info)
	if a, ok := m.known[path]; ok && a.Engine && a.identity == id {
		if v, err := version.NewSemver(a.Version); err == nil {
			return v, nil
		}
	}
	if !isEngine(path) {
		return probe(ctx, switcherTimeout, path, at)
	}
	v, err := probe(ctx, probeTimeout, path, place{path: at.path})
	if err != nil {
		return nil, err
	}
	m.learn(path, answer{identity: id, Version: v.String(), Engine: true})
	return v, nil
}

// learn writes an answer down. Two processes that learn at once may lose one
// answer, and a file that cannot be written keeps none: either costs time at
// the next search, nothing else, so it is no error.
func (m *memory) learn(path string, a answer) {
	m.known[path] = a
	for p := range m.known {
		if _, err := os.Stat(p); err != nil {
			delete(m.known, p)
		}
	}
	if os.MkdirAll(filepath.Dir(m.file), 0o700) == nil {
		_ = writeJSON(m.file, m.known)
	}
}

// isEngine reports whether the file at path is an engine and not something that
// starts one. Go writes into a program what it was built of; an engine's maker
// strips nothing of that, and neither does who builds one from its sources.
func isEngine(path string) bool {
	info, err := buildinfo.ReadFile(path)
	return err == nil && (info.Path == "github.com/hashicorp/terraform" ||
		info.Path == "github.com/opentofu/opentofu/cmd/tofu")
}

// writeJSON replaces a file whole or not at all, readable by its owner only.
func writeJSON(file string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return durable.Write(file, append(data, '\n'))
}

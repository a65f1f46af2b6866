package engines

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hashicorp/go-version"
)

// memory keeps what binaries told about their version, because asking takes
// 25 to 40 ms and every phase of every run needs to know. An answer holds
// while path, size, modification time and inode stay the same.
//
// Scripts are asked each time: a version switcher's answer depends on its own
// settings, which its file does not show.
type memory struct {
	file  string
	known map[string]answer // by path
}

type answer struct {
	identity
	Version string `json:"version"`
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
	data, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(data, &m.known) != nil || m.known == nil {
		m.known = map[string]answer{}
	}
	return m
}

// version returns the version of the binary at path, asking it if need be.
func (m *memory) version(ctx context.Context, path, searchPath string) (*version.Version, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	id := identify(info)
	if a, ok := m.known[path]; ok && a.identity == id {
		if v, err := version.NewSemver(a.Version); err == nil {
			return v, nil
		}
	}
	v, err := probe(ctx, path, searchPath)
	if err != nil {
		return nil, err
	}
	if !isScript(path) {
		m.learn(path, answer{identity: id, Version: v.String()})
	}
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

func isScript(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [2]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && string(head[:]) == "#!"
}

// writeJSON replaces a file whole or not at all, readable by its owner only.
func writeJSON(file string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails once it was renamed, which is the point
	if _, err := tmp.Write(append(data, '\n')); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Sync(); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

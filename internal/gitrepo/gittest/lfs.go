package gittest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// LFS is a server of a repository and of its Git LFS objects.
type LFS struct {
	URL string // of the repository

	mu      sync.Mutex
	objects map[string]string
	status  int                     // instead of an answer; 0: none
	href    func(oid string) string // where objects are said to be
	header  map[string]string       // that objects have to be asked for with
	asked   int                     // batches
	served  map[string]int          // downloads, by id
	seen    []http.Header           // of downloads
}

// ServeLFS serves the repository in dir with its LFS objects until the test
// ends, where git-lfs looks for them. User and password may be empty.
func ServeLFS(t T, dir, user, pass string) *LFS {
	s := &LFS{objects: map[string]string{}, served: map[string]int{}}
	mux := http.NewServeMux()
	mux.Handle("/", Handler(dir, user, pass))
	mux.HandleFunc("POST /repo.git/info/lfs/objects/batch", func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); user+pass != "" && (u != user || p != pass) {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		s.batch(w, r)
	})
	mux.HandleFunc("GET /objects/{oid}", s.object)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	s.URL = srv.URL + "/repo.git"
	s.href = func(oid string) string { return srv.URL + "/objects/" + oid }
	return s
}

// Pointer is the file that Git has for an LFS object of that content.
func Pointer(content string) string {
	return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", OID(content),
		len(content))
}

// OID is the id of an LFS object.
func OID(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// Put gives the server an object, and returns its pointer.
func (s *LFS) Put(content string) string {
	s.Lie(content, content)
	return Pointer(content)
}

// Lie has the server send something else for an object.
func (s *LFS) Lie(content, sent string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[OID(content)] = sent
}

// Answer has batches answered by a status instead; 0 ends that.
func (s *LFS) Answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

// At says where objects are, and which header has to be sent there.
func (s *LFS) At(href func(oid string) string, header map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.href, s.header = href, header
}

// Served is how often an object was downloaded.
func (s *LFS) Served(content string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served[OID(content)]
}

// Seen are the headers of all downloads.
func (s *LFS) Seen() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]http.Header{}, s.seen...)
}

func (s *LFS) batch(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked++; s.status != 0 {
		http.Error(w, "no", s.status)
		return
	}
	var req struct {
		Operation string
		Objects   []struct {
			OID  string
			Size int64
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || req.Operation != "download" ||
		!strings.HasPrefix(r.Header.Get("Accept"), "application/vnd.git-lfs+json") || len(req.Objects) > 100 {
		http.Error(w, "not a request", http.StatusUnprocessableEntity)
		return
	}
	objects := []map[string]any{}
	for _, o := range req.Objects {
		answer := map[string]any{"oid": o.OID, "size": o.Size}
		if _, ok := s.objects[o.OID]; ok {
			answer["actions"] = map[string]any{"download": map[string]any{"href": s.href(o.OID), "header": s.header}}
		} else {
			answer["error"] = map[string]any{"code": 404, "message": "no such object"}
		}
		objects = append(objects, answer)
	}
	w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
	_ = json.NewEncoder(w).Encode(map[string]any{"transfer": "basic", "objects": objects})
}

func (s *LFS) object(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	content, ok := s.objects[r.PathValue("oid")]
	s.seen = append(s.seen, r.Header.Clone())
	for name, value := range s.header {
		ok = ok && r.Header.Get(name) == value
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.served[r.PathValue("oid")]++
	_, _ = w.Write([]byte(content))
}

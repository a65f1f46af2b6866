package gittest

import (
	"net/http"
	"net/http/httptest"

	"github.com/go-git/go-git/v5/plumbing/transport"
)

// Handler serves one repository at /repo.git, by smart HTTP with basic
// authentication; without one when user and pass are empty.
func Handler(dir, user, pass string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /repo.git/info/refs", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("service") != "git-upload-pack" {
			http.Error(w, "only git-upload-pack is served", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		w.Header().Set("Cache-Control", "no-cache")
		serve(w, dir, func(s transport.UploadPackSession) error { return advertise(r.Context(), dir, s, true, w) })
	})
	mux.HandleFunc("POST /repo.git/git-upload-pack", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		serve(w, dir, func(s transport.UploadPackSession) error { return answer(r.Context(), s, r.Body, w) })
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		if user+pass != "" && (u != user || p != pass) {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func serve(w http.ResponseWriter, dir string, do func(transport.UploadPackSession) error) {
	s, err := open(dir)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	defer s.Close()
	if err := do(s); err != nil {
		panic(http.ErrAbortHandler) // half an answer may be out: cut the connection
	}
}

// ServeHTTP serves the repository in dir until the test ends, and returns its
// URL. User and password may be empty.
func ServeHTTP(t T, dir, user, pass string) string {
	srv := httptest.NewServer(Handler(dir, user, pass))
	t.Cleanup(srv.Close)
	return srv.URL + "/repo.git"
}

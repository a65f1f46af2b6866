package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/api"
)

// heavyMemory is what the daemon may take at most, whatever a repository and a log hold.
const heavyMemory = 120_000_000

// heavy measures what memory the daemon takes at its peak with a repository of many
// gigabytes, in blobs of one each, and an apply that prints hundreds of megabytes: when it
// fetches and checks out the one, and when it keeps and hands out the other.
func heavy(ctx context.Context, b *bench) (err error) {
	b.say("heavy: a repository of %d GB in blobs of 1 GB, and a log of %d MB", b.gigabytes, b.logMB)
	dir, err := os.MkdirTemp(b.dir, "heavy-")
	if err != nil {
		return err
	}
	if !b.keep {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	repo, err := newHeavyRepo(ctx, dir)
	if err != nil {
		return err
	}
	defer repo.server.Close()
	if err := repo.commit(ctx, b.gigabytes, chatter(b.logMB)); err != nil {
		return err
	}
	d, err := b.serve(ctx, filepath.Join(dir, "tfops"), setting{repo: repo.url, poll: time.Hour, apply: "manual",
		workspaces: []string{"app"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	note := func(what string) error {
		peak, err := memory(d.pid(), "VmHWM")
		b.add(row{what: fmt.Sprintf("a repository of %d GB, blobs of 1 GB: peak memory of the daemon after %s",
			b.gigabytes, what), value: megabytes(peak),
			target: "< 120 MB", verdict: verdict(peak < heavyMemory)})
		return err
	}
	planned, err := d.runs(ctx, repo.head, "awaiting_approval", 1)
	if err != nil {
		return err
	}
	if err := note("a plan"); err != nil {
		return err
	}
	b.say("applying, which prints %d MB", b.logMB)
	if _, err := d.client.Vote(ctx, planned[0].ID, api.Ballot{Yes: true, Digest: planned[0].Plan.Digest}); err != nil {
		return err
	}
	if _, err := d.runs(ctx, repo.head, "applied", 1); err != nil {
		return err
	}
	b.say("reading the log")
	printed, err := b.logs(ctx, d, planned[0].ID)
	if err != nil {
		return err
	}
	// Of a log 256 MiB are kept, and the engine writes each line of a provisioner twice.
	if printed < int64(min(b.logMB, 100))<<20 {
		return fmt.Errorf("the log has %d bytes, less than was printed and is kept", printed)
	}
	return note(fmt.Sprintf("an apply that prints %d MB, and its log read", b.logMB))
}

// logs runs `tfops logs` and counts what it prints.
func (b *bench) logs(ctx context.Context, d *daemon, run string) (int64, error) {
	cmd := exec.CommandContext(ctx, b.tfops, "logs", run, "--config", filepath.Join(d.dir, "tfops.hcl"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, out)
	return n, errors.Join(err, cmd.Wait())
}

// chatter is a root module whose apply prints that many megabytes, in lines.
func chatter(mb int) string {
	const line = 2000 // an engine takes its time for each line
	return fmt.Sprintf("resource \"terraform_data\" \"this\" {\n  provisioner \"local-exec\" {\n    command = \"yes "+
		"'%s' | head -n %d\"\n  }\n}\n",
		strings.Repeat("x", line-1), mb<<20/line+1)
}

// heavyRepo is a repository that Git's own server hands out over http.
type heavyRepo struct {
	dir    string
	url    string
	head   string
	server *httptest.Server
}

func newHeavyRepo(ctx context.Context, dir string) (*heavyRepo, error) {
	r := &heavyRepo{dir: filepath.Join(dir, "repo")}
	programs, err := r.git(ctx, dir, "--exec-path")
	if err != nil {
		return nil, err
	}
	if _, err := r.git(ctx, dir, "init", "-q", "-b", "main", r.dir); err != nil {
		return nil, err
	}
	// Noise cannot be compressed, and no delta of it is worth anything.
	for _, kv := range [][2]string{{"core.compression", "0"}, {"core.bigFileThreshold", "50m"}, {"user.name", "bench"},
		{"user.email", "bench@example.com"}} {
		if _, err := r.git(ctx, r.dir, "config", kv[0], kv[1]); err != nil {
			return nil, err
		}
	}
	r.server = httptest.NewServer(&cgi.Handler{Path: filepath.Join(programs, "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1",
			"GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}})
	r.url = r.server.URL + "/repo/.git"
	return r, nil
}

// commit writes a root module app, and blobs of a gigabyte beside it.
func (r *heavyRepo) commit(ctx context.Context, blobs int, module string) error {
	if err := os.MkdirAll(filepath.Join(r.dir, "app"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.dir, "app", "main.tf"), []byte(module), 0o644); err != nil {
		return err
	}
	for i := range blobs {
		if err := writeNoise(filepath.Join(r.dir, fmt.Sprintf("blob-%d", i)), byte(i)); err != nil {
			return err
		}
	}
	if _, err := r.git(ctx, r.dir, "add", "-A"); err != nil {
		return err
	}
	if _, err := r.git(ctx, r.dir, "commit", "-q", "-m", "heavy"); err != nil {
		return err
	}
	var err error
	r.head, err = r.git(ctx, r.dir, "rev-parse", "HEAD")
	return err
}

func (r *heavyRepo) git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// writeNoise writes a file of a gigabyte that cannot be compressed.
func writeNoise(path string, seed byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, err = io.CopyN(w, rand.NewChaCha8([32]byte{seed}), 1<<30)
	return errors.Join(err, w.Flush(), f.Close())
}

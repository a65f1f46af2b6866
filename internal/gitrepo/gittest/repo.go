// Package gittest makes real Git repositories and real Git servers for tests,
// in process and without a git program.
package gittest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// T is what the package needs of a *testing.T or *testing.B.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
	TempDir() string
	Cleanup(func())
}

// Special contents for Repo.Commit.
const (
	// Delete takes a file out.
	Delete = "\x00delete"

	execMark   = "\x00exec:"
	linkMark   = "\x00link:"
	moduleMark = "\x00module:"
)

// Executable is the content of a file that may be run.
func Executable(content string) string { return execMark + content }

// Symlink is the content of a symbolic link.
func Symlink(target string) string { return linkMark + target }

// Submodule is the content of a submodule at a commit of some other repository.
func Submodule(sha string) string { return moduleMark + sha }

// Repo is a bare repository on disk to which a test commits. It is safe for
// concurrent use, also while a server serves it.
type Repo struct {
	Dir string

	t     T
	mu    sync.Mutex
	store *filesystem.Storage
	files map[string]map[string]string // by commit: the whole of its tree
	clock time.Time
}

// NewRepo makes an empty bare repository whose default branch is main.
func NewRepo(t T) *Repo {
	t.Helper()
	return NewRepoAt(t, filepath.Join(t.TempDir(), "repo.git"))
}

// NewRepoAt makes an empty bare repository in a directory.
func NewRepoAt(t T, dir string) *Repo {
	t.Helper()
	r := &Repo{Dir: dir, t: t, files: map[string]map[string]string{},
		clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	r.store = filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault())
	r.check(r.store.Init())
	cfg, err := r.store.Config()
	r.check(err)
	cfg.Core.IsBare = true
	r.check(r.store.SetConfig(cfg))
	r.check(r.store.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, "refs/heads/main")))
	return r
}

func (r *Repo) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("gittest: %s: %v", r.Dir, err)
	}
}

// commit collects what options say of a commit.
type commit struct {
	author, committer string
	message           string
	at                time.Time
	parents           []string
	rebase            bool
}

// Option changes a commit.
type Option func(*commit)

// Author sets the author, and the committer too unless Committer does.
func Author(name, email string) Option {
	return func(c *commit) { c.author = name + " <" + email + ">" }
}

// Committer sets the committer.
func Committer(name, email string) Option {
	return func(c *commit) { c.committer = name + " <" + email + ">" }
}

// Message sets the message.
func Message(text string) Option { return func(c *commit) { c.message = text } }

// On makes the commit a child of another commit than the branch's head, and
// starts from its files: with it Commit is a force-push. An empty id means no
// parent and no files.
func On(sha string) Option {
	return func(c *commit) {
		c.rebase = true
		if sha != "" {
			c.parents = []string{sha}
		}
	}
}

// Commit commits to a branch, making it if need be, and returns the commit's
// id. files are contents by path, on top of what the branch has; see Delete,
// Executable, Symlink and Submodule for special ones.
func (r *Repo) Commit(branch string, files map[string]string, opts ...Option) string {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.newCommit(opts)
	if head := r.head(branch); head != "" && !c.rebase {
		c.parents = []string{head}
	}
	all := map[string]string{}
	if len(c.parents) > 0 {
		maps.Copy(all, r.files[c.parents[0]])
	}
	for name, content := range files {
		if content == Delete {
			delete(all, name)
		} else {
			all[name] = content
		}
	}
	sha := r.writeCommit(c, r.writeTree(all))
	r.files[sha] = all
	r.setRef("refs/heads/"+branch, sha)
	return sha
}

func (r *Repo) newCommit(opts []Option) commit {
	r.clock = r.clock.Add(time.Minute)
	c := commit{author: "Ana Test <ana@example.com>", message: "A change", at: r.clock}
	for _, o := range opts {
		o(&c)
	}
	if c.committer == "" {
		c.committer = c.author
	}
	return c
}

func (r *Repo) writeCommit(c commit, tree string) string {
	r.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "tree %s\n", tree)
	for _, p := range c.parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	fmt.Fprintf(&b, "author %s %d +0000\ncommitter %s %d +0000\n\n%s\n", c.author, c.at.Unix(), c.committer,
		c.at.Unix(),
		c.message)
	return r.put(plumbing.CommitObject, []byte(b.String()))
}

// Entry is one line of a raw tree. Nothing about it is checked: it can be as
// hostile as a test needs.
type Entry struct {
	Mode, Name, ID string // Mode in octal, as stored: 40000, 100644, 100755, 120000, 160000
}

// Blob stores a file's content and returns its id.
func (r *Repo) Blob(content string) string {
	r.t.Helper()
	return r.put(plumbing.BlobObject, []byte(content))
}

// RawObject stores an object of a kind ("commit", "tree", "blob", "tag") with
// any content and returns its id.
func (r *Repo) RawObject(kind, content string) string {
	r.t.Helper()
	k, err := plumbing.ParseObjectType(kind)
	r.check(err)
	return r.put(k, []byte(content))
}

// RawTree stores a tree exactly as given and returns its id.
func (r *Repo) RawTree(entries ...Entry) string {
	r.t.Helper()
	var b strings.Builder
	for _, e := range entries {
		id := plumbing.NewHash(e.ID)
		b.WriteString(e.Mode + " " + e.Name + "\x00" + string(id[:]))
	}
	return r.put(plumbing.TreeObject, []byte(b.String()))
}

// CommitTree commits a stored tree to a branch and returns the commit's id.
func (r *Repo) CommitTree(branch, tree string, opts ...Option) string {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.newCommit(opts)
	if head := r.head(branch); head != "" && !c.rebase {
		c.parents = []string{head}
	}
	sha := r.writeCommit(c, tree)
	r.setRef("refs/heads/"+branch, sha)
	return sha
}

// RawCommit stores a commit object exactly as given, sets a branch to it and
// returns its id.
func (r *Repo) RawCommit(branch, text string) string {
	r.t.Helper()
	sha := r.put(plumbing.CommitObject, []byte(text))
	r.SetBranch(branch, sha)
	return sha
}

func (r *Repo) put(kind plumbing.ObjectType, raw []byte) string {
	r.t.Helper()
	obj := &plumbing.MemoryObject{}
	obj.SetType(kind)
	_, err := obj.Write(raw)
	r.check(err)
	h, err := r.store.SetEncodedObject(obj)
	r.check(err)
	return h.String()
}

func (r *Repo) writeTree(files map[string]string) string {
	r.t.Helper()
	type node struct{ mode, content string }
	here := map[string]node{}
	sub := map[string]map[string]string{}
	for name, content := range files {
		if dir, rest, deep := strings.Cut(name, "/"); deep {
			if sub[dir] == nil {
				sub[dir] = map[string]string{}
			}
			sub[dir][rest] = content
			continue
		}
		n := node{"100644", content}
		for mark, mode := range map[string]string{execMark: "100755", linkMark: "120000", moduleMark: "160000"} {
			if text, ok := strings.CutPrefix(content, mark); ok {
				n = node{mode, text}
			}
		}
		here[name] = n
	}
	var entries []Entry
	for name, n := range here {
		id := n.content
		if n.mode != "160000" {
			id = r.put(plumbing.BlobObject, []byte(n.content))
		}
		entries = append(entries, Entry{n.mode, name, id})
	}
	for name, files := range sub {
		entries = append(entries, Entry{"40000", name, r.writeTree(files)})
	}
	sort.Slice(entries, func(i, j int) bool { return sortName(entries[i]) < sortName(entries[j]) })
	return r.RawTree(entries...)
}

// sortName is how Git orders a tree: directories as if their name ended in a slash.
func sortName(e Entry) string {
	if e.Mode == "40000" {
		return e.Name + "/"
	}
	return e.Name
}

// Head is the commit that a branch is at; empty when there is no such branch.
func (r *Repo) Head(branch string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.head(branch)
}

func (r *Repo) head(branch string) string {
	ref, err := r.store.Reference(plumbing.NewBranchReferenceName(branch))
	if err != nil {
		return ""
	}
	return ref.Hash().String()
}

// SetBranch moves or makes a branch, whatever it was at before.
func (r *Repo) SetBranch(branch, sha string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setRef("refs/heads/"+branch, sha)
}

// DeleteBranch removes a branch.
func (r *Repo) DeleteBranch(branch string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.check(r.store.RemoveReference(plumbing.NewBranchReferenceName(branch)))
}

// Tag sets a lightweight tag.
func (r *Repo) Tag(name, sha string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setRef("refs/tags/"+name, sha)
}

// AnnotatedTag makes a tag object of an object of some kind ("commit", "tree",
// "blob", "tag"), sets the tag and returns the tag object's id.
func (r *Repo) AnnotatedTag(name, kind, id string) string {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	tag := r.put(plumbing.TagObject,
		fmt.Appendf(nil, "object %s\ntype %s\ntag %s\ntagger Ana Test <ana@example.com> %d +0000\n\nA tag\n", id, kind,
			name,
			r.clock.Unix()))
	r.setRef("refs/tags/"+name, tag)
	return tag
}

// setRef replaces a reference by a rename, as git does: a reader sees the old
// or the new one.
func (r *Repo) setRef(name, sha string) {
	r.t.Helper()
	path := filepath.Join(r.Dir, filepath.FromSlash(name))
	r.check(os.MkdirAll(filepath.Dir(path), 0o755))
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		r.check(os.Remove(path)) // left empty by deleted branches
	}
	tmp, err := os.CreateTemp(r.Dir, "ref-*")
	r.check(err)
	_, err = tmp.WriteString(sha + "\n")
	r.check(errors.Join(err, tmp.Close(), os.Rename(tmp.Name(), path)))
}

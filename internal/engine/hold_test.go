package engine

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// put makes a file of every tree say something else from now on.
func (r *repository) put(path, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = cloned(r.files)
	r.files[path] = &fstest.MapFile{Data: []byte(text)}
}

func (r *repository) link(path, target string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = cloned(r.files)
	r.files[path] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
}

// submodule makes a path an empty directory, as which Git's submodules are seen.
func (r *repository) submodule(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = cloned(r.files)
	r.files[path] = &fstest.MapFile{Mode: fs.ModeDir | 0o500}
}

func cloned(m fstest.MapFS) fstest.MapFS {
	out := fstest.MapFS{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

const conflicted = "<<<<<<< HEAD\nresource \"terraform_data\" \"x\" {}\n=======\nresource \"terraform_data\" \"y\" " +
	"{}\n>>>>>>> b\n"

// What is in the tree and cannot be found is not gone: nothing is destroyed, the
// workspace stays as it is, says why, and goes on when it is mended.
func TestNotFoundIsNotGone(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(*repository)
		mend   func(*repository)
		reason string
	}{
		{"conflict markers", func(r *repository) { r.put("live/x/main.tf", conflicted) }, nil,
			"live/x/main.tf cannot be read, line 1"},
		{"a broken file of the other engine beside it", func(r *repository) { r.put("live/x/main.tofu", "}} broken") },
			func(r *repository) { r.remove("live/x/main.tofu") }, "live/x/main.tofu cannot be read"},
		{"broken JSON", func(r *repository) { r.remove("live/x/main.tf"); r.put("live/x/main.tf.json", `{"resource":`) },
			func(r *repository) { r.remove("live/x/main.tf.json") }, "live/x/main.tf.json cannot be read"},
		{"a test calls it", func(r *repository) {
			r.put("live/x/tests/t/main.tf",
				"module \"root\" {\n  source = \"../..\"\n}\n")
		},
			func(r *repository) { r.remove("live/x/tests/t/main.tf") }, "live/x/tests/t calls it"},
		{"another root calls it as its module", func(r *repository) {
			r.put("a/more.tf", "module \"x\" {\n  source "+
				"= \"../live/x\"\n}\n")
		},
			func(r *repository) { r.remove("a/more.tf") }, "a calls it, a/more.tf:1"},
		{"all of its resources are removed", func(r *repository) { r.put("live/x/main.tf", "# nothing is left\n") },
			nil, "has no backend, provider"},
		{"an empty file", func(r *repository) { r.put("live/x/main.tf", "") }, nil, "has no backend, provider"},
		{"only variables are left", func(r *repository) { r.put("live/x/main.tf", `variable "x" {}`) }, nil, "has no backend, provider"},
		{"a submodule in its place", func(r *repository) { r.remove("live/x/main.tf"); r.submodule("live/x") },
			func(r *repository) { r.remove("live/x") }, "live/x is a submodule now"},
		{"a submodule above it", func(r *repository) { r.remove("live/x/main.tf"); r.submodule("live") },
			func(r *repository) { r.remove("live") }, "live is a submodule now"},
		{"a file in its place", func(r *repository) { r.remove("live/x/main.tf"); r.put("live/x", "moved to y") },
			func(r *repository) { r.remove("live/x") }, "live/x is a file now"},
		{"a link to another directory in its place",
			func(r *repository) { r.remove("live/x/main.tf"); r.link("live/x", "../b") },
			func(r *repository) { r.remove("live/x") }, "symbolic link live/x"},
		{"a link to nothing in its place", func(r *repository) {
			r.remove("live/x/main.tf")
			r.link("live/x",
				"../nothing")
		},
			func(r *repository) { r.remove("live/x") }, "link live/x leads to nothing"},
		{"its code is a link to nothing", func(r *repository) { r.link("live/x/main.tf", "../nothing.tf") }, nil,
			"live/x/main.tf cannot be read"},
	} {
		for _, on := range []workspace.OnRemoved{workspace.DestroyOnRemoved, workspace.Keep} {
			t.Run(c.name+", "+string(on), func(t *testing.T) {
				bubble(t, func(t *testing.T, g *rig) {
					g.git.bare = true
					g.generate(generator(on, auto))
					g.git.add("live/x/main.tf")
					g.start()
					g.commit("live/x/main.tf")
					g.want("x", run.Applied)
					c.spoil(g.git)
					g.commit("live/x/main.tf")
					g.wantStays("x", c.reason)
					g.restart()
					g.pass(40e9)
					g.wantStays("x", c.reason)
					if c.mend != nil {
						c.mend(g.git)
					}
					g.git.add("live/x/main.tf")
					g.commit("live/x/main.tf")
					if v := g.view("x"); v.Problem != nil || v.Sync != workspace.Synced || len(g.runs("x")) != 2 {
						t.Errorf("mended it is %s with %d runs, %v", v.Sync, len(g.runs("x")), v.Problem)
					}
				})
			})
		}
	}
}

// wantStays asserts that nobody is asked to destroy a workspace that a generator
// does not find, and that it says why.
func (g *rig) wantStays(name, reason string) {
	g.t.Helper()
	v := g.view(name)
	for _, r := range g.runs(name) {
		if r.Kind == run.Destroy {
			g.t.Fatalf("a destroy run is %s", r.Status)
		}
	}
	if v.Sync != workspace.Unknown || v.Record.Orphan != nil || v.Record.Origin == nil {
		g.t.Errorf("it is %s, orphan %+v, of %+v", v.Sync, v.Record.Orphan, v.Record.Origin)
	}
	if !strings.Contains(v.Wait.Sentence(), reason) || strings.Contains(v.Wait.Sentence()+v.Wait.Command, "destroy") {
		g.t.Errorf("it waits for %+v, want %q", v.Wait, reason)
	}
}

// What is not in the tree is gone, as before.
func TestGoneIsGone(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*repository)
	}{
		{"the directory", func(r *repository) { r.remove("live/x/main.tf") }},
		{"its last file of code", func(r *repository) {
			r.remove("live/x/main.tf")
			r.put("live/x/README.md",
				"moved")
		}},
		{"all but what an editor left", func(r *repository) {
			r.remove("live/x/main.tf")
			r.put("live/x/main.tf~",
				"x")
		}},
		{"the directory above it", func(r *repository) { r.remove("live/x/main.tf"); r.remove("live/y/main.tf") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.git.bare = true
				g.generate(generator(workspace.DestroyOnRemoved, auto))
				g.git.add("live/x/main.tf")
				g.git.add("live/y/main.tf")
				g.start()
				g.commit("live/x/main.tf")
				g.want("x", run.Applied)
				c.spoil(g.git)
				g.commit("live/x/main.tf")
				if r := g.want("x", run.AwaitingApproval); r.Kind != run.Destroy {
					t.Errorf("the newest run is a %s", r.Kind)
				}
			})
		})
	}
}

// A destroy that waits is withdrawn when the directory is back, broken or not.
func TestComesBackBroken(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.DestroyOnRemoved, auto))
		g.git.add("live/x/main.tf")
		g.start()
		g.commit("live/x/main.tf")
		g.want("x", run.Applied)
		g.git.remove("live/x/main.tf")
		g.commit("live/x/main.tf")
		destroy := g.want("x", run.AwaitingApproval)
		g.git.put("live/x/main.tf", conflicted)
		g.commit("live/x/main.tf")
		if r := g.get(destroy.ID); r.Status != run.Discarded {
			t.Errorf("the destroy run is %s", r.Status)
		}
		if v := g.view("x"); v.Sync != workspace.Unknown || !strings.Contains(v.Wait.Sentence(), "cannot be read") {
			t.Errorf("%s, %+v", v.Sync, v.Wait)
		}
	})
}

// Other patterns in the configuration take nothing out of the world.
func TestNarrowerPatterns(t *testing.T) {
	for name, narrow := range map[string]func(*fleet.Generator){
		"dirs":      func(g *fleet.Generator) { g.Dirs = []string{"a"} },
		"branches":  func(g *fleet.Generator) { g.Branches = []string{"env/*"} },
		"var_files": func(g *fleet.Generator) { g.VarFiles = []string{"*.tfvars"} },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.generate(generator(workspace.DestroyOnRemoved, auto))
				g.git.add("live/x/main.tf")
				g.start()
				g.commit("live/x/main.tf")
				g.want("x", run.Applied)
				s, gen := g.settings(), generator(workspace.DestroyOnRemoved, auto)
				narrow(&gen)
				s.Config.Generators = []fleet.Generator{gen}
				if err := g.engine.Configure(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				g.pass(60e9)
				g.wantStays("x", "does not match")
				s = g.settings()
				s.Config.Generators = []fleet.Generator{generator(workspace.DestroyOnRemoved, auto)}
				if err := g.engine.Configure(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				g.pass(60e9)
				if v := g.view("x"); v.Sync != workspace.Synced || v.Problem != nil {
					t.Errorf("with the old patterns it is %s: %v", v.Sync, v.Problem)
				}
			})
		})
	}
}

// A tree that cannot be read, and one of whose directories cannot, has lost nothing.
func TestUnreadTreeHasLostNothing(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.DestroyOnRemoved, auto))
		g.git.add("live/x/main.tf")
		g.start()
		g.commit("live/x/main.tf")
		g.want("x", run.Applied)
		g.git.unreadable("main", errors.New("a pack is gone"))
		g.git.remove("live/x/main.tf")
		g.commit("live/x/main.tf")
		g.restart()
		g.pass(40e9)
		if v := g.view("x"); v.Record.Orphan != nil || len(g.runs("x")) != 1 {
			t.Errorf("%+v, %d runs", v.Record.Orphan, len(g.runs("x")))
		}
	})
}

// What never applied anything leaves nothing to hold: only while nobody can
// tell whether it is there it stays.
func TestNothingAppliedNothingHeld(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.Keep))
		g.git.add("live/x/main.tf")
		g.git.add("live/y/main.tf")
		g.start()
		g.commit("live/x/main.tf", "live/y/main.tf")
		g.want("x", run.AwaitingApproval)
		g.git.put("live/x/main.tf", conflicted)
		g.git.put("live/y/main.tf", `variable "x" {}`)
		g.commit("live/x/main.tf", "live/y/main.tf")
		g.wantNames("a", "b", "c", "x")
		g.wantReason("x", run.Discarded, run.Stale)
		g.git.add("live/x/main.tf")
		g.commit("live/x/main.tf")
		g.want("x", run.AwaitingApproval)
	})
}

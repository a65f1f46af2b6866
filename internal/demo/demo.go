// Package demo shows the whole loop for real: a repository, a daemon and an engine, in a
// directory that is thrown away. Each step is printed with the command that a person
// would type.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	examples "github.com/tfops/tfops/examples/terraform"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
)

// Options are what a showing is of.
type Options struct {
	Engine string // terraform or tofu
	Keep   bool   // leave the daemon up at the end, and the directory
	Out    io.Writer
	Now    func() time.Time
}

// Program is the tfops that is shown.
type Program interface {
	// Serve starts a daemon and returns what stops it.
	Serve(ctx context.Context, config string, log io.Writer) (stop func(), err error)
	// Command runs a command, which prints to where Out leads, and returns its exit status.
	Command(ctx context.Context, config string, args ...string) int
}

// demo is one showing.
type demo struct {
	Options
	program Program
	ctx     context.Context
	dir     string // holds everything
	repo    *git.Repository
	err     error // the first failure; every later step does nothing
}

// Run shows everything.
func Run(ctx context.Context, program Program, o Options) error {
	dir, err := os.MkdirTemp("", "tfops-demo-")
	if err != nil {
		return fault.New(fault.Unavailable, "make room in the directory for temporary files, or set TMPDIR",
			"the demo has no place: %w", err)
	}
	if !o.Keep {
		defer os.RemoveAll(dir)
	}
	d := &demo{Options: o, program: program, ctx: ctx, dir: dir}
	d.repository()
	d.configuration()
	stop := d.serve()
	defer stop()
	d.show()
	if d.err != nil {
		return d.failed()
	}
	if o.Keep {
		d.explore()
	}
	return nil
}

func (d *demo) path(elem ...string) string { return filepath.Join(append([]string{d.dir}, elem...)...) }

// repository lays out what the daemon is to watch.
func (d *demo) repository() {
	d.say("A repository with two environments that share a module; staging applies by itself, prod asks.")
	d.step("git init && git add -A && git commit -m 'Pages for staging and prod'", func() error {
		files, err := fs.Sub(examples.Files, "shared-module")
		if err != nil {
			return err
		}
		if err := os.CopyFS(d.path("repo"), files); err != nil {
			return err
		}
		if err := os.Remove(d.path("repo", "tfops.hcl")); err != nil {
			return err
		}
		if err := os.Mkdir(d.path("pages"), 0o700); err != nil {
			return err
		}
		d.repo, err = git.PlainInitWithOptions(d.path("repo"), &git.PlainInitOptions{
			InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName("main")}})
		if err != nil {
			return err
		}
		return d.commit("Pages for staging and prod")
	})
}

// configuration writes what the daemon is to do.
func (d *demo) configuration() {
	text := fmt.Sprintf(`data_dir = "data"

repository "pages" {
  url  = "repo"
  poll = "1s"
}

defaults {
  repository = "pages"
  branch     = "main"
  engine     = %q
  variables  = { directory = %q }
  write      = [%q]
  drift { schedule = "0 2 * * *" }
}

workspace "staging" {
  dir   = "live/staging"
  apply = "auto"
}

workspace "prod" {
  dir   = "live/prod"
  apply = "manual"
}
`, d.Engine, d.path("pages"), d.path("pages"))
	d.say("The configuration of the daemon:")
	d.step("cat tfops.hcl", func() error { return os.WriteFile(d.config(), []byte(text), 0o600) })
	if d.err == nil {
		fmt.Fprintln(d.Out, indent(text))
	}
	d.step("export TFOPS_CONFIG="+d.config(), func() error { return nil })
}

func (d *demo) config() string { return d.path("tfops.hcl") }

// serve starts the daemon and returns what stops it.
func (d *demo) serve() (stop func()) {
	stop = func() {}
	d.step("tfops serve &", func() error {
		log, err := os.OpenFile(d.path("daemon.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		end, err := d.program.Serve(d.ctx, d.config(), log)
		if err != nil {
			return errors.Join(err, log.Close())
		}
		stop = func() { end(); log.Close() }
		return nil
	})
	return stop
}

// show is the demo itself.
func (d *demo) show() {
	d.say("Both environments are planned. Staging is applied at once; prod waits for somebody.")
	first := d.waitFor("prod", "awaiting_approval")
	d.waitFor("staging", "applied")
	d.tfops(0, "status")
	d.tfops(0, "approvals")
	d.say("Look at the plan, then approve exactly that plan.")
	d.tfops(0, "show", first)
	d.tfops(0, "approve", first, "-m", "as discussed")
	d.tfops(0, "wait", first)
	d.cat()

	d.say("A second commit changes prod alone; staging is left in peace.")
	const edit = "sed -i 's/Welcome/Welcome back/' live/prod/main.tf && git commit -am 'Greet returning visitors'"
	d.step(edit, func() error {
		return d.edit("live/prod/main.tf", `"Welcome"`, `"Welcome back"`, "Greet returning visitors")
	})
	d.tfops(0, "poll", "pages")
	second := d.waitForNext("prod", "awaiting_approval", first)
	d.tfops(0, "approve", second, "-m", "nice")
	d.tfops(0, "wait", second)
	d.cat()

	d.say("A drift check, which otherwise runs every night, compares the world with what was applied.")
	d.tfops(0, "drift", "prod", "--wait")
	d.say("Somebody changes the file by hand. Git does not know, Terraform does not know.")
	d.step("echo 'somebody was here' > pages/prod.txt", func() error {
		return os.WriteFile(d.path("pages", "prod.txt"), []byte("somebody was here\n"), 0o600)
	})
	d.say("The next check finds it.")
	d.tfops(exit.Changes, "drift", "prod", "--wait")
	d.tfops(0, "drift", "findings", "prod")

	d.say("A sync plans what would put it right; it is approved and applied like any other change.")
	d.tfops(exit.Approval, "sync", "prod", "--wait")
	third := d.waitForNext("prod", "awaiting_approval", second)
	d.tfops(0, "approve", third, "-m", "put it right")
	d.tfops(0, "wait", third)
	d.cat()
	d.tfops(0, "drift", "prod", "--wait")
	d.say("Everything that changed prod, and who let it:")
	d.tfops(0, "history", "prod")
	d.say("That was the whole loop. To try it on a repository of yours: tfops init, in its checkout.")
}

// explore keeps the daemon up until the demo is interrupted.
func (d *demo) explore() {
	d.say("The daemon stays up until you interrupt this. In another terminal:")
	fmt.Fprintf(d.Out, "  export TFOPS_CONFIG=%s\n  tfops status\n\nThe repository is in %s, everything else beside "+
		"it.\n",
		d.config(), d.path("repo"))
	<-d.ctx.Done()
	fmt.Fprintf(d.Out, "\nStopped. To remove what is left: rm -r %s\n", d.dir)
}

func (d *demo) failed() error {
	log, _ := os.ReadFile(d.path("daemon.log"))
	return fault.New(fault.Unavailable, "run it again with --keep and look into the directory that it names; the end "+
		"of the daemon's log:\n"+
		lastLines(string(log), 10),
		"the demo did not work: %w", d.err)
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ")
}

// say explains what comes next.
func (d *demo) say(text string) {
	if d.err == nil {
		fmt.Fprintf(d.Out, "\n# %s\n", text)
	}
}

// step prints a command and does what it would do.
func (d *demo) step(command string, do func() error) {
	if d.err != nil {
		return
	}
	fmt.Fprintf(d.Out, "\n$ %s\n", command)
	if err := do(); err != nil {
		d.err = fmt.Errorf("%s: %w", command, err)
	}
}

// tfops runs a command of this program and expects an exit status.
func (d *demo) tfops(want int, args ...string) {
	quoted := make([]string, len(args))
	for i, arg := range args {
		if quoted[i] = arg; strings.Contains(arg, " ") {
			quoted[i] = "'" + arg + "'"
		}
	}
	d.step("tfops "+strings.Join(quoted, " "), func() error {
		if got := d.program.Command(d.ctx, d.config(), args...); got != want {
			return fmt.Errorf("exit status %d, expected %d", got, want)
		}
		return nil
	})
}

func (d *demo) cat() {
	d.step("cat pages/prod.txt", func() error {
		b, err := os.ReadFile(d.path("pages", "prod.txt"))
		if err == nil {
			fmt.Fprintln(d.Out, indent(string(b)))
		}
		return err
	})
}

// stepTimeout bounds how long one step may take; an engine may have to be
// downloaded first.
const stepTimeout = 5 * time.Minute

func (d *demo) waitFor(workspace, status string) string { return d.waitForNext(workspace, status, "") }

// waitForNext waits until the newest run of a workspace is another one than
// before and has the status, and returns its id.
func (d *demo) waitForNext(workspace, status, before string) string {
	if d.err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(d.ctx, stepTimeout)
	defer cancel()
	socket := url.URL{Scheme: "unix", Path: d.path("data", "tfops.sock")}
	client, err := api.New(api.ClientOptions{Server: socket.String()})
	if err != nil {
		d.err = err
		return ""
	}
	for {
		w, err := client.Workspace(ctx, workspace)
		if err != nil {
			d.err = err
			return ""
		}
		if w.LastRun != nil && w.LastRun.ID != before {
			r, err := client.Wait(ctx, w.LastRun.ID)
			switch {
			case err != nil:
				d.err = err
				return ""
			case r.Status == status:
				return r.ID
			case r.Error != nil:
				d.err = fmt.Errorf("run %s of %s is %s: %s\n%s", r.ID, workspace, r.Status, r.Error.Message,
					r.Error.Detail)
				return ""
			}
		}
		select {
		case <-ctx.Done():
			d.err = fmt.Errorf("workspace %s did not get to %s: %w", workspace, status, ctx.Err())
			return ""
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// edit replaces text in a file of the repository and commits it.
func (d *demo) edit(file, old, new, message string) error {
	path := d.path("repo", file)
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(b), old, new)), 0o600); err != nil {
		return err
	}
	return d.commit(message)
}

// commit records everything in the repository's work tree.
func (d *demo) commit(message string) error {
	tree, err := d.repo.Worktree()
	if err != nil {
		return err
	}
	if err := tree.AddGlob("."); err != nil {
		return err
	}
	author := &object.Signature{Name: "tfops demo", Email: "demo@example.com", When: d.Now()}
	_, err = tree.Commit(message, &git.CommitOptions{Author: author})
	return err
}

package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/spf13/cobra"

	examples "github.com/tfops/tfops/examples/terraform"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/usage"
)

// newDemoCommand shows the whole loop for real: a repository, a daemon and an
// engine, in a directory that is thrown away.
func newDemoCommand(a *app) *cobra.Command {
	var keep bool
	var engineName string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole loop on a throw-away repository",
		Long: `Show the whole loop on a throw-away repository: a commit is planned, approved
and applied, somebody changes a file behind Terraform's back, a drift check
finds it, and a sync puts it right.

Everything happens for real in a temporary directory, with the engine on PATH
or one that tfops installs. Each step is printed with the command that a person
would type. At the end all of it is removed; with --keep the daemon stays up
for exploring until it is interrupted, and the directory is left.`,
		Example: `  tfops demo
  tfops demo --keep`,
		Args: usage.Takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if engineName == "" {
				engineName = engineOnPath()
			}
			return runDemo(cmd.Context(), a, engineName, keep)
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the daemon up at the end, for exploring")
	cmd.Flags().StringVar(&engineName, "engine", "", "terraform or tofu (default: what is on PATH, terraform first)")
	return cmd
}

// engineOnPath is the engine that is there without a download.
func engineOnPath() string {
	for _, name := range []string{"terraform", "tofu"} {
		if _, err := exec.LookPath(name); err == nil {
			return name
		}
	}
	return "terraform"
}

// demo is one showing.
type demo struct {
	app    *app
	ctx    context.Context
	dir    string // holds everything
	engine string
	repo   *git.Repository
	err    error // the first failure; every later step does nothing
}

func runDemo(ctx context.Context, a *app, engineName string, keep bool) (err error) {
	dir, err := os.MkdirTemp("", "tfops-demo-")
	if err != nil {
		return fault.New(fault.Unavailable, "make room in the directory for temporary files, or set TMPDIR", "the demo has no place: %w", err)
	}
	if !keep {
		defer os.RemoveAll(dir)
	}
	d := &demo{ctx: ctx, dir: dir, engine: engineName}
	d.app = &app{stdin: strings.NewReader(""), stdout: a.stdout, stderr: a.stderr, now: a.now, noColor: a.noColor, getenv: func(name string) string {
		switch name {
		case "TFOPS_CONFIG":
			return d.path("tfops.hcl")
		case "TFOPS_SERVER", "TFOPS_TOKEN":
			return ""
		}
		return a.getenv(name)
	}}
	d.prepare()
	stop := d.serve()
	defer stop()
	d.show()
	if d.err != nil {
		return d.failed()
	}
	if keep {
		d.explore()
	}
	return nil
}

func (d *demo) path(elem ...string) string { return filepath.Join(append([]string{d.dir}, elem...)...) }

// prepare lays out the repository and the configuration.
func (d *demo) prepare() {
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
	config := fmt.Sprintf(`data_dir = "data"

repository "pages" {
  url  = "repo"
  poll = "1s"
}

defaults {
  repository = "pages"
  branch     = "main"
  engine     = %q
  variables  = { directory = %q }
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
`, d.engine, d.path("pages"))
	d.say("The configuration of the daemon:")
	d.step("cat tfops.hcl", func() error { return os.WriteFile(d.path("tfops.hcl"), []byte(config), 0o600) })
	if d.err == nil {
		fmt.Fprintln(d.app.stdout, indent(config))
	}
	d.step("export TFOPS_CONFIG="+d.path("tfops.hcl"), func() error { return nil })
}

// serve starts the daemon within this process and returns what stops it.
func (d *demo) serve() (stop func()) {
	stop = func() {}
	d.step("tfops serve &", func() error {
		log, err := os.OpenFile(d.path("daemon.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		exe, err := os.Executable()
		if err != nil {
			return err
		}
		syscall.Umask(0o077)
		daemon, err := newDaemon(daemonOptions{ConfigPath: d.path("tfops.hcl"), Exe: exe, Environ: os.Environ(),
			Log: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(d.ctx))
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := daemon.Run(ctx, nil); err != nil {
				fmt.Fprintln(log, err)
			}
		}()
		stop = func() { cancel(); <-done; daemon.Close(); log.Close() }
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
	d.step("sed -i 's/Welcome/Welcome back/' live/prod/main.tf && git commit -am 'Greet returning visitors'", func() error {
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
	fmt.Fprintf(d.app.stdout, "  export TFOPS_CONFIG=%s\n  tfops status\n\nThe repository is in %s, everything else beside it.\n",
		d.path("tfops.hcl"), d.path("repo"))
	<-d.ctx.Done()
	fmt.Fprintf(d.app.stdout, "\nStopped. To remove what is left: rm -r %s\n", d.dir)
}

func (d *demo) failed() error {
	log, _ := os.ReadFile(d.path("daemon.log"))
	return fault.New(fault.Unavailable, "run it again with --keep and look into the directory that it names; the end of the daemon's log:\n"+lastLines(string(log), 10),
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
		fmt.Fprintf(d.app.stdout, "\n# %s\n", text)
	}
}

// step prints a command and does what it would do.
func (d *demo) step(command string, do func() error) {
	if d.err != nil {
		return
	}
	fmt.Fprintf(d.app.stdout, "\n$ %s\n", command)
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
		each := *d.app // flags of one command must not reach the next
		if got := each.run(d.ctx, args); got != want {
			return fmt.Errorf("exit status %d, expected %d", got, want)
		}
		return nil
	})
}

func (d *demo) cat() {
	d.step("cat pages/prod.txt", func() error {
		b, err := os.ReadFile(d.path("pages", "prod.txt"))
		if err == nil {
			fmt.Fprintln(d.app.stdout, indent(string(b)))
		}
		return err
	})
}

// demoPatience bounds how long one step may take; an engine may have to be
// downloaded first.
const demoPatience = 5 * time.Minute

func (d *demo) waitFor(workspace, status string) string { return d.waitForNext(workspace, status, "") }

// waitForNext waits until the newest run of a workspace is another one than
// before and has the status, and returns its id.
func (d *demo) waitForNext(workspace, status, before string) string {
	if d.err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(d.ctx, demoPatience)
	defer cancel()
	client, err := d.app.client()
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
				d.err = fmt.Errorf("run %s of %s is %s: %s\n%s", r.ID, workspace, r.Status, r.Error.Message, r.Error.Detail)
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
	_, err = tree.Commit(message, &git.CommitOptions{Author: &object.Signature{Name: "tfops demo", Email: "demo@example.com", When: d.app.now()}})
	return err
}

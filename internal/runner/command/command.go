// Package command runs commands of the engine in one root module, each with a fresh handle of
// terraform-exec, and explains how they ended.
package command

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/runner/given"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/runner/limits"
	"github.com/tfops/tfops/internal/runner/mounts"
	"github.com/tfops/tfops/internal/runner/network"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/workspace"
)

// Engine is the engine in one root module.
type Engine struct {
	engines.Engine
	Job   job.Job
	Tree  string            // the commit's files, without symbolic links
	Root  string            // the root module's directory, without symbolic links
	Env   map[string]string // the engine's
	Names map[string]string // what files in memory are called, by path
	Stop  *cell.Stopper
	Guard *limits.Guard
	// Network is what the engine has of one; nil where it has the machine's.
	Network *network.Network
	Log     *diagnostics.EventLog
	Debug   *diagnostics.DebugLog // nil unless the job asks for one

	Level   sandbox.Level // at which commands are shut in
	Scratch string        // where their private directories lie
	Backend string        // settings of the backend, see job.Secrets
	// Ran says that a command has run which may run code of the module: what it left is in the tree.
	Ran bool
}

// UseNetwork gives the engine the network that its workspace asks for, once.
func (e *Engine) UseNetwork(context.Context) (err error) {
	if e.Network == nil {
		e.Network, err = network.Open(e.Job, e.Env)
	}
	e.Network.Tell(e.Env)
	return err
}

// Call is a command of the engine, as terraform-exec calls it.
type Call func(context.Context, *tfexec.Terraform, *diagnostics.Output) error

// Init is what a command is given that fetches providers and modules.
type Init struct {
	Modules string // with what it fetches modules; see given.Command
	Home    bool
	Cache   string // of its own, for providers
}

// Run runs a command, which messages call by its name, and turns its end into a failure, if it was one.
func (e *Engine) Run(ctx context.Context, name string, call Call) (*diagnostics.Output, error) {
	e.Ran = true
	return e.run(ctx, name, nil, call)
}

// straight refuses a plan that left a symbolic link where the runner goes on to work: it would lead the runner to
// files that the engine was not given. Of an apply it says nothing, since that has been done.
func (e *Engine) straight() error {
	if e.Job.Phase == job.ApplyPhase {
		return nil
	}
	data := ground.DataDir(e.Root)
	for _, dir := range []string{data, filepath.Join(data, "modules"), filepath.Join(data, "providers")} {
		if err := datafile.Straight(e.Tree, dir); err != nil {
			return diagnostics.Refuse(job.CauseBadInput, "find out which code of the module or of a provider did that",
				"what the engine ran changed where its files lie: %w", err)
		}
	}
	return nil
}

// RunInit runs an init.
func (e *Engine) RunInit(ctx context.Context, with Init, call Call) (*diagnostics.Output, error) {
	return e.run(ctx, "init", &with, call)
}

// attempts at making a room, before it is an error that what belongs in there is replaced again and again.
const attempts = 5

func (e *Engine) run(ctx context.Context, name string, init *Init, call Call) (out *diagnostics.Output, err error) {
	for range attempts {
		// Nothing of the command has been started. Others replace their files when they want to: the engine of
		// another run the note of its lock, a tool its credentials.
		if out, err = e.once(ctx, name, init, call); !errors.Is(err, mounts.ErrGone) {
			break
		}
	}
	return out, err
}

func (e *Engine) once(ctx context.Context, name string, init *Init, call Call) (*diagnostics.Output, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	out := &diagnostics.Output{Log: e.Log, Rename: e.renamed}
	room, done, err := e.room(init)
	if err != nil {
		return out, err
	}
	defer room.Close()
	tf, err := e.terraform(room.Path, out)
	if err != nil {
		return out, err
	}
	end := e.Guard.Watch()
	err = room.Run(ctx, func(ctx context.Context) error { return e.start(ctx, tf, out, call) })
	end()
	doneErr := done()
	if link := e.straight(); link != nil {
		return out, link
	}
	if b := e.Guard.Broken(); b != nil && (err != nil || e.Job.Phase == job.PlanPhase) {
		return out, e.limited(name, b, err)
	}
	if doneErr != nil && err == nil {
		return out, doneErr
	}
	if err == nil {
		return out, nil
	}
	return out, e.ended(ctx, room, e.Name+" "+name, out, err)
}

// room is what a command is shut in. done is called after the command.
func (e *Engine) room(init *Init) (r *cell.Room, done func() error, err error) {
	if !e.Level.AtLeast(sandbox.Filters) {
		r, err = cell.Prepare(e.Level, e.Path, mounts.Sight{})
		return r, func() error { return nil }, err
	}
	g := e.given()
	if init != nil {
		g.Init, g.Modules, g.Home, g.Cache = true, init.Modules, init.Home, init.Cache
	}
	sight, done, err := g.Sight()
	if err != nil {
		return nil, nil, err
	}
	if r, err = cell.Prepare(e.Level, e.Path, sight, limits.OfUser(e.Job.Limits)...); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return r, done, nil
}

func (e *Engine) given() given.Command {
	return given.Command{Job: e.Job, Tree: e.Tree, Env: e.Env, Engine: e.Path, Scratch: e.Scratch, Backend: e.Backend,
		InPlace: e.Level.InPlace(), User: cell.User()}
}

// CheckKept refuses a local backend whose state would be lost: the engine may write it, and nobody would find it
// after the phase.
func (e *Engine) CheckKept(kind string, config map[string]any) error {
	if kind != "local" || e.Level != sandbox.Namespaces {
		return nil
	}
	key := "path"
	if !job.IsDefault(e.Job.TerraformWorkspace) {
		key = "workspace_dir"
	}
	path, _ := config[key].(string)
	if set := backend.LocalSetting(e.Backend, key); set != "" {
		path = set // of a secret one the configuration has a digest
	}
	if e.given().Keeps(path) {
		return nil
	}
	return diagnostics.Refuse(job.CauseBadInput,
		fmt.Sprintf("add it to the workspace: write = [%q]; or set %s in backend_config of the workspace",
			filepath.Dir(path), key),
		"the local backend's %s %q lies where the engine of this workspace may not write", key, path)
}

// start runs the command on the thread that starts the engine, once this thread is what the engine is to get.
func (e *Engine) start(ctx context.Context, tf *tfexec.Terraform, out *diagnostics.Output, call Call) error {
	if err := e.Network.Holds(); err != nil {
		return err
	}
	e.Guard.Pin()
	return call(ctx, tf, out)
}

// Environment is what a command gets of the engine's; see given.Command.
func (e *Engine) Environment(env map[string]string) map[string]string {
	return e.given().Environment(env)
}

// terraform is a fresh handle for one command. terraform-exec keeps the
// writers of one command for the next, and a plan as JSON would end up in the log.
func (e *Engine) terraform(path string, out *diagnostics.Output) (*tfexec.Terraform, error) {
	tf, err := tfexec.NewTerraform(e.Root, path)
	if err != nil {
		return nil, err
	}
	env := e.Env
	if ground.NoProviders(e.Root) {
		env = inputs.WithoutProviders(env)
	}
	if err := tf.SetEnv(e.Environment(env)); err != nil {
		return nil, err
	}
	if err := tf.SetWaitDelay(e.grace()); err != nil {
		return nil, err
	}
	tf.SetStderr(diagnostics.Stderr{Output: out})
	tellVersion(tf, e.Version)
	return tf, e.Debug.Engine(tf)
}

// grace is how long an interrupted engine may take to end.
func (e *Engine) grace() time.Duration {
	if e.Job.Grace <= 0 {
		return time.Minute
	}
	return e.Job.Grace
}

// tellVersion tells terraform-exec the engine's version, which it would
// otherwise ask the engine for once for every handle: as long as an init
// takes. It has no option for that; where its field is not as expected,
// nothing is set and it asks.
func tellVersion(tf *tfexec.Terraform, text string) {
	v, err := version.NewVersion(text)
	if err != nil {
		return
	}
	field := reflect.ValueOf(tf).Elem().FieldByName("execVersion")
	if !field.IsValid() || field.Type() != reflect.TypeOf(v) {
		return
	}
	*(**version.Version)(unsafe.Pointer(field.UnsafeAddr())) = v
}

// ended explains an error of terraform-exec.
func (e *Engine) ended(ctx context.Context, room *cell.Room, what string, out *diagnostics.Output, err error) error {
	var exit *exec.ExitError
	if room.Deaf() && !e.Stop.Forced.Load() && diagnostics.Stopped(ctx) != nil {
		return diagnostics.Stopped(ctx) // it was asked to stop before it listened to that
	}
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return e.endedBySignal(ctx, what, exit, status.Signal())
		}
	}
	if ctx.Err() != nil {
		if exit == nil && out.Complete {
			return nil // it came to its end before it heard of the interrupt
		}
		if e.Stop.Forced.Load() {
			return diagnostics.Killed("killed on request", err)
		}
		if f := diagnostics.Stopped(ctx); f != nil {
			return f
		}
	}
	if exit == nil { // it was not the engine that failed
		return err
	}
	f := diagnostics.Explain(what, out.All(), out.Plain.String())
	f.Next = e.FromMirror(f.Next)
	e.tellRefused(f, out)
	e.tellLimits(f, out)
	e.tellWithheld(f, out)
	return f
}

// ofCredentials is how engines and providers speak of credentials that they do not find.
var ofCredentials = lazyregexp.New(`(?i)credential|authenticat|authoriz|kubeconfig|az login|gcloud auth|access token`)

// tellWithheld says what of the home directory was not given to an engine that lacks credentials, as it may seem.
func (e *Engine) tellWithheld(f *diagnostics.Failure, out *diagnostics.Output) {
	if !e.Level.AtLeast(sandbox.Filters) {
		return
	}
	withheld := e.given().Withheld()
	if len(withheld) == 0 || !said(out, ofCredentials().MatchString) {
		return
	}
	names := make([]string, len(withheld))
	for i, path := range withheld {
		names[i] = strconv.Quote(path)
	}
	f.Next = "if its credentials lie in the home directory, which engines do not see, give them to its workspace: " +
		"read = [" + strings.Join(names, ", ") + "]; else: " + f.Next
}

// tellRefused says which hosts the engine did not reach: that may be why it failed, and does not pass by itself.
func (e *Engine) tellRefused(f *diagnostics.Failure, out *diagnostics.Output) {
	if e.Network == nil {
		return
	}
	names := e.Network.Refused()
	if len(names) == 0 {
		if f.Cause == job.CauseNetwork && !saidByProxy(out) {
			f.Cause, f.Next = job.CauseEngine, "the engine has no network of its own, as network of its workspace "+
				"says: it reaches hosts that are listed, by HTTPS_PROXY and HTTP_PROXY, and no others"
		}
		return
	}
	list := strings.Join(names, ", ")
	f.Message += "; it may not reach " + list
	f.Next = "if it may reach them, add to hosts of the workspace: " + list
	if f.Cause == job.CauseNetwork {
		f.Cause = job.CauseEngine
	}
}

var (
	fileSizeText = lazyregexp.New(`(?i)file too large|file size limit exceeded`)
	tasksText    = lazyregexp.New(`(?i)cannot fork|fork: retry|resource temporarily unavailable|create new OS thread`)
)

// tellLimits names the limit where the kernel held something to it, of which the engine tells by what failed.
func (e *Engine) tellLimits(f *diagnostics.Failure, out *diagnostics.Output) {
	tell := func(what, name, allowed string) {
		f.Cause, f.Next = job.CauseLimit, (&limits.Breach{Name: name}).Next()
		f.Message += "; " + what + name + " = " + allowed
	}
	l := e.Job.Limits
	switch {
	case l.FileSize > 0 && said(out, fileSizeText().MatchString):
		tell("no file may become larger than ", "file_size", workspace.Size(l.FileSize))
	case l.Tasks > 0 && said(out, tasksText().MatchString):
		tell("no more processes and threads may be at once than ", "tasks", strconv.Itoa(l.Tasks))
	}
}

// said reports whether something that the engine said is of a kind.
func said(out *diagnostics.Output, kind func(string) bool) bool {
	return kind(out.Plain.String()) || slices.ContainsFunc(out.All(), func(d job.Diagnostic) bool {
		return kind(d.Summary + d.Detail)
	})
}

// saidByProxy reports whether the runner's proxy said why a connection failed.
func saidByProxy(out *diagnostics.Output) bool {
	return said(out, func(text string) bool { return strings.Contains(text, "tfops: ") })
}

// limited is the failure of a command that took more than it may. What became of an apply is known
// where the engine came to its own end.
func (e *Engine) limited(name string, b *limits.Breach, err error) error {
	f := diagnostics.Refuse(job.CauseLimit, b.Next(), "%s %s was ended: %w", e.Name, name, b)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status, ok := exit.Sys().(syscall.WaitStatus)
		if ok && status.Signaled() && (e.Job.Phase == job.ApplyPhase || e.Stop.Forced.Load()) {
			f.Outcome = job.KilledOutcome
		}
	}
	return f
}

// endedBySignal is the failure of an engine that died of a signal.
func (e *Engine) endedBySignal(ctx context.Context, what string, exit *exec.ExitError, signal syscall.Signal) error {
	switch {
	case e.Stop.Forced.Load():
		return diagnostics.Killed("killed on request", exit)
	case ctx.Err() != nil && signal == syscall.SIGINT && diagnostics.Stopped(ctx) != nil:
		return diagnostics.Stopped(ctx) // it was asked to stop before it listened to that
	case ctx.Err() != nil:
		return diagnostics.Killed(what+" did not stop in the time it was given ("+e.grace().String()+") and was killed",
			exit)
	}
	f := diagnostics.Killed(what+" was killed by somebody else: "+exit.String(), exit)
	if signal == syscall.SIGKILL {
		f.Next = "see whether the machine ran out of memory (`dmesg`)"
	}
	return f
}

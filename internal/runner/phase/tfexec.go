package phase

import (
	"context"
	"errors"
	"os/exec"
	"reflect"
	"syscall"
	"time"
	"unsafe"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/inputs"
)

// defaultGrace is how long an interrupted engine may take to end when the job
// does not say.
const defaultGrace = time.Minute

// terraform is a fresh handle for one command. terraform-exec keeps the
// writers of one command for the next, and a plan as JSON would end up in the log.
func (p *phase) terraform(out *diagnostics.Output) (*tfexec.Terraform, error) {
	tf, err := tfexec.NewTerraform(p.root, p.engine.Path)
	if err != nil {
		return nil, err
	}
	env := p.env
	if ground.NoProviders(p.root) {
		env = inputs.WithoutProviders(env)
	}
	if err := tf.SetEnv(env); err != nil {
		return nil, err
	}
	if err := tf.SetWaitDelay(p.grace()); err != nil {
		return nil, err
	}
	tf.SetStderr(diagnostics.Stderr{Output: out})
	tellVersion(tf, p.engine.Version)
	return tf, p.debug.Engine(tf)
}

// grace is how long an interrupted engine may take to end.
func (p *phase) grace() time.Duration {
	if p.job.Grace <= 0 {
		return defaultGrace
	}
	return p.job.Grace
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

// command is one command of the engine: what it is called in messages, and
// the call.
type command struct {
	name string
	run  func(context.Context, *tfexec.Terraform, *diagnostics.Output) error
}

// execute runs a command and turns its end into a failure, if it was one.
func (p *phase) execute(ctx context.Context, c command) (*diagnostics.Output, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	out := &diagnostics.Output{Log: p.log, Rename: p.renamed}
	tf, err := p.terraform(out)
	if err != nil {
		return out, err
	}
	err = c.run(ctx, tf, out)
	if err == nil {
		return out, nil
	}
	return out, p.ended(ctx, p.engine.Name+" "+c.name, out, err)
}

// ended explains an error of terraform-exec.
func (p *phase) ended(ctx context.Context, what string, out *diagnostics.Output, err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return p.endedBySignal(ctx, what, exit)
		}
	}
	if ctx.Err() != nil {
		if exit == nil && out.Complete {
			return nil // it came to its end before it heard of the interrupt
		}
		if p.stop.Forced.Load() {
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
	f.Next = p.fromMirror(f.Next)
	return f
}

func byInterrupt(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signal() == syscall.SIGINT
}

// endedBySignal is the failure of an engine that died of a signal.
func (p *phase) endedBySignal(ctx context.Context, what string, exit *exec.ExitError) error {
	switch {
	case p.stop.Forced.Load():
		return diagnostics.Killed("killed on request", exit)
	case ctx.Err() != nil && byInterrupt(exit) && diagnostics.Stopped(ctx) != nil:
		return diagnostics.Stopped(ctx) // it was asked to stop before it listened to that
	case ctx.Err() != nil:
		return diagnostics.Killed(what+" did not stop in the time it was given ("+p.grace().String()+") and was killed", exit)
	}
	f := diagnostics.Killed(what+" was killed by somebody else: "+exit.String(), exit)
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
		f.Next = "see whether the machine ran out of memory (`dmesg`)"
	}
	return f
}

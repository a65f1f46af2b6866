package command

import (
	"context"
	"maps"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/runner/engines"
)

// Ask asks a program that stands in an engine's place for its version: a version switcher, which reads the files of the
// repository, and may do what they say. It is shut in as the engine is.
func (e *Engine) Ask(ctx context.Context, path string, env map[string]string) (told []byte, err error) {
	e.Ran = true
	of := *e
	of.Path = path
	room, done, err := of.room(nil)
	if err != nil {
		return nil, err
	}
	defer room.Close()
	env = maps.Clone(env)
	e.Network.Tell(env)
	end := e.Guard.Watch()
	err = room.Run(ctx, func(ctx context.Context) error {
		if err := e.Network.Holds(); err != nil {
			return err
		}
		e.Guard.Pin()
		cmd := exec.CommandContext(ctx, room.Path, engines.Arguments...)
		cmd.Dir = e.Root
		for name, value := range of.Environment(env) {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
		var err error
		told, err = engines.Told(cmd)
		return err
	})
	end()
	if doneErr := done(); err == nil {
		err = doneErr
	}
	if link := e.straight(); link != nil {
		return nil, link
	}
	if b := e.Guard.Broken(); b != nil && err != nil {
		return nil, e.limited("version", b, err)
	}
	return told, err
}

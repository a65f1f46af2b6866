package daemon

import (
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/engine/jobs"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/redact"
	"github.com/tfops/tfops/internal/redact/leaks"
)

// Log is a log that hides what it knows of secrets, and what looks like one. format is text or json, level
// one of debug, info, warn and error.
func Log(w io.Writer, known *Secrets, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fault.New(fault.Invalid, "use debug, info, warn or error", "--log-level %q is not a level", level)
	}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(scrubbed{w, known}, &slog.HandlerOptions{Level: l})), nil
	case "json":
		return slog.New(slog.NewJSONHandler(scrubbed{w, known}, &slog.HandlerOptions{Level: l})), nil
	}
	return nil, fault.New(fault.Invalid, "use text or json", "--log-format %q is not a format", format)
}

// Secrets are those of the configuration, which the log hides.
type Secrets struct {
	hider atomic.Pointer[redact.Hider]
	all   map[string]bool
}

// learn takes the secrets of a configuration that is about to be in force. Those of earlier ones
// stay hidden: what was begun with them may still fail, and say so. One at a time calls it.
func (k *Secrets) learn(cfg *config.Config, environ []string) {
	var secrets []string
	for _, r := range cfg.Repositories {
		secrets = append(secrets, r.Auth.Password, r.Auth.Passphrase, string(r.Auth.SSHKey), string(r.TLS.Key))
		for _, sub := range r.Submodule {
			secrets = append(secrets, sub.Auth.Password, sub.Auth.Passphrase, string(sub.Auth.SSHKey),
				string(sub.TLS.Key))
		}
		for _, c := range r.Modules {
			secrets = append(secrets, c.Secrets()...)
		}
	}
	for _, c := range cfg.Modules {
		secrets = append(secrets, c.Secrets()...)
	}
	for _, t := range cfg.Notify {
		secrets = append(secrets, t.Secret)
		secrets = append(secrets, redact.InURLs(t.URL)...)
	}
	known := len(k.all)
	for _, s := range jobs.Known(cfg.Returned, cfg.Runner.PassEnv, environ, secrets).Within() {
		if k.all == nil {
			k.all = map[string]bool{}
		}
		k.all[s] = true
	}
	if len(k.all) > known {
		k.hider.Store(redact.NewHider(slices.Sorted(maps.Keys(k.all)), nil))
	}
}

// scrubbed is a writer of whole lines that hides what lets somebody in: the secrets that are
// known, and in URLs, in headers and settings, and what looks like a credential. Whoever logs an
// error does not know what a remote, a repository or the system put into it.
type scrubbed struct {
	w     io.Writer
	known *Secrets
}

func (s scrubbed) Write(line []byte) (int, error) {
	text := string(line)
	if h := s.known.hider.Load(); h != nil {
		text = h.Text(text)
	}
	if _, err := io.WriteString(s.w, leaks.Text(text)); err != nil {
		return 0, err
	}
	return len(line), nil
}

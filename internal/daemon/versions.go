package daemon

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/server/wire"
)

// versions tells tfops's own version and those of the engines that are there.
func (d *Daemon) versions() api.Version {
	v := d.Version
	v.Engines = map[string]string{}
	v.Sandbox = wire.Sandbox(d.engine.Sandbox)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for name, e := range d.cfg.Engines {
		found, err := engines.Lookup(ctx, engines.Request{Name: name, Path: e.Path, SearchPath: os.Getenv("PATH"),
			CacheDir: filepath.Join(d.cfg.DataDir, "cache")})
		if err == nil {
			v.Engines[name] = found.Version
		}
	}
	return v
}

package workdir

import (
	"context"
	"os"
	"path/filepath"

	"github.com/tfops/tfops/internal/filelock"
	"github.com/tfops/tfops/internal/runner/ground"
)

// backendEnv are variables that name a backend's place in the configuration's stead.
var backendEnv = map[string][]string{
	"pg": {"PG_CONN_STR", "PGHOST", "PGPORT", "PGDATABASE"}, "http": {"TF_HTTP_ADDRESS"},
	"consul": {"CONSUL_HTTP_ADDR"},
	"s3":     {"AWS_ENDPOINT_URL_S3"}, "gcs": {"GOOGLE_BACKEND_CREDENTIALS"}, "kubernetes": {"KUBE_NAMESPACE"},
}

// backendPlace is the text that tells two backends apart: the type and what the
// configuration and the environment say of where it is. Workspaces that share
// more than they name, such as the schemas of one PostgreSQL database, have one.
func (d *Dir) backendPlace() string {
	parts := []string{d.Module.Backend, d.Module.Place}
	for _, name := range backendEnv[d.Module.Backend] {
		parts = append(parts, name+"="+d.Env[name])
	}
	return ground.KeyOf(parts...)
}

// initAlone holds off other inits of the same backend until release is called.
// The first ones make tables, schemas and buckets, and trip over one another.
func (d *Dir) initAlone(ctx context.Context) (release func(), err error) {
	if d.Managed || d.Module.Backend == "" || d.Module.Backend == "local" {
		return func() {}, nil
	}
	dir := filepath.Join(d.Job.CacheDir, "inits")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return filelock.Take(ctx, filepath.Join(dir, d.backendPlace()[:32]),
		func() { d.Log.Say("info", "waiting for another init of the same backend") })
}

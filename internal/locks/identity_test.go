package locks

import (
	"encoding/json"
	"strings"
	"testing"
)

type config = map[string]any

func TestIdentity(t *testing.T) {
	for _, c := range []struct {
		name, backend string
		config        config
		workspace     string
		want          string
	}{
		{"s3", "s3", config{"bucket": "b", "key": "app/prod", "region": "eu-west-1"}, "default",
			"s3:bucket=b,key=app/prod#default"},
		{"s3 of another workspace", "s3", config{"bucket": "b", "key": "app"}, "prod",
			"s3:bucket=b,key=app,workspace_key_prefix=env:#prod"},
		{"managed", "managed", config{"path": "/var/lib/tfops/workspaces/net/terraform.tfstate"}, "",
			"managed:path=/var/lib/tfops/workspaces/net/terraform.tfstate#default"},
		{"local", "local", config{"path": "/srv/state", "workspace_dir": nil}, "default",
			"local:path=/srv/state#default"},
		{"cloud", "cloud", config{"organization": "acme", "workspaces": config{"name": "net", "tags": nil}}, "", `cloud:hostname=app.terraform.io,organization=acme,workspaces={"name":"net"}#default`},
		{"unknown types use every setting", "floppy", config{"drive": "A", "track": json.Number("7")}, "",
			"floppy:drive=A,track=7#default"},
		{"nothing at all", "http", nil, "", "http:#default"},
	} {
		if got := Identity(c.backend, c.config, c.workspace); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// The two are one object, so they must share their lock.
func TestSameObjectSameIdentity(t *testing.T) {
	type state struct {
		config    config
		workspace string
	}
	for _, c := range []struct {
		name, backend string
		a, b          state
	}{
		{"the default workspace has two names", "s3", state{config{"bucket": "b", "key": "k"}, ""},
			state{config{"bucket": "b", "key": "k"}, "default"}},
		{"what does not name the state", "s3",
			state{config{"bucket": "b", "key": "k", "region": "a", "dynamodb_table": "t", "encrypt": true}, ""},
			state{config{"bucket": "b", "key": "k", "region": "b", "use_lockfile": true, "profile": "p"}, ""}},
		{"a prefix that only other workspaces use", "s3",
			state{config{"bucket": "b", "key": "k", "workspace_key_prefix": "x"}, ""},
			state{config{"bucket": "b", "key": "k"}, ""}},
		{"the default prefix written out", "s3",
			state{config{"bucket": "b", "key": "k", "workspace_key_prefix": "env:"}, "prod"},
			state{config{"bucket": "b", "key": "k", "workspace_key_prefix": nil}, "prod"}},
		{"both forms of the endpoint", "s3", state{config{"bucket": "b", "key": "k", "endpoint": "http://h:9000/"}, ""},
			state{config{"bucket": "b", "key": "k", "endpoints": config{"s3": "http://h:9000", "sts": "http://sts",
				"iam": nil}}, ""}},
		{"endpoints of other services", "s3",
			state{config{"bucket": "b", "key": "k", "endpoints": config{"dynamodb": "http://d"}}, ""},
			state{config{"bucket": "b", "key": "k", "endpoints": nil}, ""}},
		{"a key with doubled slashes", "s3", state{config{"bucket": "b", "key": "a//k"}, "prod"},
			state{config{"bucket": "b", "key": "a/k"}, "prod"}},
		{"slashes around a prefix", "gcs", state{config{"bucket": "b", "prefix": "/net/"}, ""},
			state{config{"bucket": "b", "prefix": "net"}, ""}},
		{"no prefix and an empty one", "gcs", state{config{"bucket": "b", "prefix": ""}, ""},
			state{config{"bucket": "b"}, ""}},
		{"a path with dots", "local", state{config{"path": "/srv/a/../state"}, ""},
			state{config{"path": "/srv//state"}, ""}},
		{"the default file", "local", state{config{"path": nil}, ""}, state{config{"path": "terraform.tfstate"}, ""}},
		{"the path does not name other workspaces' states", "local",
			state{config{"path": "/srv/a", "workspace_dir": "/srv/d/"}, "prod"},
			state{config{"path": "/srv/b", "workspace_dir": "/srv/d"}, "prod"}},
		{"the directory does not name the default workspace's", "local",
			state{config{"path": "/srv/a", "workspace_dir": "/x"}, ""}, state{config{"path": "/srv/a"}, ""}},
		{"managed paths", "managed", state{config{"path": "/var/lib/tfops/./w"}, ""},
			state{config{"path": "/var/lib/tfops/w/"}, ""}},
		{"schema of PostgreSQL", "pg", state{config{"conn_str": "h", "schema_name": "terraform_remote_state"}, ""},
			state{config{"conn_str": "h"}, ""}},
		{"namespace of Kubernetes", "kubernetes", state{config{"secret_suffix": "x", "namespace": "default"}, ""},
			state{config{"secret_suffix": "x"}, ""}},
		{"hostname of HCP Terraform", "remote",
			state{config{"organization": "o", "workspaces": []any{config{"name": "w", "prefix": nil}}}, ""},
			state{config{"hostname": "app.terraform.io", "organization": "o", "workspaces": config{"name": "w"}}, ""}},
		{"local Consul", "consul", state{config{"path": "p", "address": "127.0.0.1:8500"}, ""},
			state{config{"path": "p"}, ""}},
		{"file names of OSS", "oss", state{config{"bucket": "b", "prefix": "env:", "key": "terraform.tfstate"}, "w"},
			state{config{"bucket": "b"}, "w"}},
		{"file names of COS", "cos", state{config{"bucket": "b", "prefix": "p/", "key": "terraform.tfstate"}, "w"},
			state{config{"bucket": "b", "prefix": "p"}, "w"}},
		{"numbers", "floppy", state{config{"n": 5}, ""}, state{config{"n": json.Number("5")}, ""}},
		{"numbers as JSON decodes them", "floppy", state{config{"n": 5.0}, ""},
			state{config{"n": json.Number("5.0")}, ""}},
		{"numbers at depth", "floppy", state{config{"m": config{"a": []any{5.0, nil}, "b": ""}}, ""},
			state{config{"m": config{"a": []any{json.Number("5")}}}, ""}},
		{"empty things", "floppy", state{config{"a": "x", "b": []any{}, "c": config{}, "d": nil,
			"e": []any{config{"f": nil}}}, ""}, state{config{"a": "x"}, ""}},
	} {
		a, b := Identity(c.backend, c.a.config, c.a.workspace), Identity(c.backend, c.b.config, c.b.workspace)
		if a != b {
			t.Errorf("%s: %s and %s", c.name, a, b)
		}
	}
}

// All the states of one list are different objects.
func TestOtherObjectOtherIdentity(t *testing.T) {
	type state struct {
		backend   string
		config    config
		workspace string
	}
	for name, states := range map[string][]state{
		"s3": {
			{"s3", config{"bucket": "b", "key": "k"}, ""}, {"s3", config{"bucket": "b", "key": "k2"}, ""},
			{"s3", config{"bucket": "b2", "key": "k"}, ""},
			{"s3", config{"bucket": "b", "key": "k"}, "prod"}, {"s3", config{"bucket": "b", "key": "k"}, "stage"},
			{"s3", config{"bucket": "b", "key": "k", "workspace_key_prefix": "x"}, "prod"},
			{"s3", config{"bucket": "b", "key": "k", "endpoint": "http://minio"}, ""},
			{"s3", config{"bucket": "b", "key": "k", "endpoints": config{"s3": "http://other"}}, ""},
			{"gcs", config{"bucket": "b", "key": "k"}, ""},
		},
		"values that hold separators": {
			{"s3", config{"bucket": "b", "key": "k,endpoint=h"}, ""},
			{"s3", config{"bucket": "b", "key": "k", "endpoint": "h"}, ""},
			{"s3", config{"bucket": "b", "key": `"k,endpoint=h"`}, ""},
			{"s3", config{"bucket": "b", "key": "k#prod,workspace_key_prefix=env:"}, ""},
			{"s3", config{"bucket": "b", "key": "k"}, "prod"},
		},
		"local": {
			{"local", config{"path": "/srv/a"}, ""}, {"local", config{"path": "/srv/b"}, ""},
			{"local", config{"path": "srv/a"}, ""},
			{"local", config{"workspace_dir": "/d"}, "prod"}, {"local", config{"workspace_dir": "/e"}, "prod"},
			{"managed", config{"path": "/srv/a"}, ""},
		},
		"gcs": {{"gcs", config{"bucket": "b", "prefix": "p"}, ""}, {"gcs", config{"bucket": "b"}, ""},
			{"gcs", config{"bucket": "b", "prefix": "p"}, "w"}},
		"azurerm": {{"azurerm", config{"storage_account_name": "s", "container_name": "c", "key": "k"}, ""},
			{"azurerm", config{"storage_account_name": "s", "container_name": "c2", "key": "k"}, ""},
			{"azurerm", config{"storage_account_name": "s2", "container_name": "c", "key": "k"}, ""}},
		"consul": {{"consul", config{"path": "a/b"}, ""}, {"consul", config{"path": "a//b"}, ""},
			{"consul", config{"path": "a/b", "address": "h:1"}, ""}},
		"http": {{"http", config{"address": "https://h/a"}, ""}, {"http", config{"address": "https://h/b"}, ""}},
		"pg": {{"pg", config{"conn_str": "a"}, ""}, {"pg", config{"conn_str": "b"}, ""},
			{"pg", config{"conn_str": "a", "schema_name": "s"}, ""}},
		"kubernetes": {{"kubernetes", config{"secret_suffix": "a"}, ""}, {"kubernetes", config{"secret_suffix": "b"},
			""}, {"kubernetes", config{"secret_suffix": "a", "namespace": "n"}, ""}},
		"remote": {{"remote", config{"organization": "o", "workspaces": config{"name": "w"}}, ""},
			{"remote", config{"organization": "o", "workspaces": config{"prefix": "w"}}, ""},
			{"cloud", config{"organization": "o", "workspaces": config{"name": "w"}}, ""}},
		"unknown": {{"floppy", config{"a": "1"}, ""}, {"floppy", config{"a": "2"}, ""},
			{"floppy", config{"b": "1"}, ""}, {"floppy", config{"a": true}, ""}, {"floppy", config{"a": 1.5}, ""}},
	} {
		seen := map[string]state{}
		for _, s := range states {
			id := Identity(s.backend, s.config, s.workspace)
			if other, ok := seen[id]; ok {
				t.Errorf("%s: %v and %v are both %s", name, other, s, id)
			}
			seen[id] = s
		}
	}
}

// A lock under a state must never lie where one under a workspace lies.
func TestIdentityIsNoWorkspaceKey(t *testing.T) {
	for kind := range backends {
		id := Identity(kind, config{"path": "x", "bucket": "x"}, "")
		if strings.HasPrefix(id, ForWorkspace("")) {
			t.Errorf("%s reads as the key of a workspace", id)
		}
		if !strings.HasPrefix(id, kind+":") || !strings.HasSuffix(id, "#default") {
			t.Errorf("%s does not name its backend and workspace", id)
		}
	}
}

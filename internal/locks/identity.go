package locks

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// backend says what names a state in one type of backend.
type backend struct {
	settings []string          // in every Terraform workspace
	first    []string          // in the default workspace only
	others   []string          // in every other one only
	defaults map[string]string // what a setting is when it is left out
	paths    bool              // settings are joined and cleaned as paths: "a/b", "a//b" and "a/b/" are one
}

// backends holds what names a state, from the documentation and, where it is
// silent, the code of Terraform's backends. What is not here (regions,
// timeouts, credentials) does not make it another state. A type that is not
// listed is named by all the settings that are passed.
//
// When in doubt two states count as one: a needless wait is harmless, two
// applies at once are not.
var backends = map[string]backend{
	"azurerm": {settings: []string{"storage_account_name", "container_name", "key"}},
	"cloud": {settings: []string{"hostname", "organization", "workspaces"},
		defaults: map[string]string{"hostname": "app.terraform.io"}},
	"consul": {settings: []string{"address", "path"}, defaults: map[string]string{"address": "127.0.0.1:8500"}},
	"cos": {settings: []string{"bucket", "prefix", "key"}, defaults: map[string]string{"key": stateFile},
		paths: true},
	"gcs":  {settings: []string{"bucket", "prefix"}, paths: true},
	"http": {settings: []string{"address"}},
	"kubernetes": {settings: []string{"namespace", "secret_suffix", "config_context", "host"},
		defaults: map[string]string{"namespace": "default"}},
	"local": {first: []string{"path"}, others: []string{"workspace_dir"},
		defaults: map[string]string{"path": stateFile, "workspace_dir": "terraform.tfstate.d"}, paths: true},
	"managed": {settings: []string{"path"}, paths: true},
	"oss": {settings: []string{"bucket", "prefix", "key"}, defaults: map[string]string{"prefix": "env:",
		"key": stateFile}, paths: true},
	"pg": {settings: []string{"conn_str", "schema_name"},
		defaults: map[string]string{"schema_name": "terraform_remote_state"}},
	"remote": {settings: []string{"hostname", "organization", "workspaces"},
		defaults: map[string]string{"hostname": "app.terraform.io"}},
	"s3": {settings: []string{"bucket", "key", "endpoint"}, others: []string{"workspace_key_prefix"},
		defaults: map[string]string{"workspace_key_prefix": "env:"}, paths: true},
}

const stateFile = "terraform.tfstate"

// Identity names a state: the backend's type, the settings that name the
// state in it, and the Terraform workspace. Two identities are equal when the
// two states are the same object. config must hold no credential: an identity
// is stored and shown.
func Identity(kind string, config map[string]any, terraformWorkspace string) string {
	if terraformWorkspace == "" {
		terraformWorkspace = "default"
	}
	b, known := backends[kind]
	if !known {
		b.settings = slices.Sorted(maps.Keys(config))
	}
	keys := slices.Concat(b.settings, b.others)
	if terraformWorkspace == "default" {
		keys = slices.Concat(b.settings, b.first)
	}
	var parts []string
	for _, k := range keys {
		v := setting(config, k)
		if v == "" {
			v = b.defaults[k]
		}
		if b.paths && k != "endpoint" {
			v = cleaned(v, kind == "local" || kind == "managed")
		}
		if v != "" {
			parts = append(parts, k+"="+quoted(v))
		}
	}
	return fmt.Sprintf("%s:%s#%s", kind, strings.Join(parts, ","), terraformWorkspace)
}

// setting reads one setting as text; "" when it is not set.
func setting(config map[string]any, key string) string {
	if key == "endpoint" { // the newer form is a map of endpoints by service
		if s3, ok := single(config["endpoints"]).(map[string]any); ok && text(s3["s3"]) != "" {
			return strings.TrimSuffix(text(s3["s3"]), "/")
		}
		return strings.TrimSuffix(text(config[key]), "/")
	}
	return text(config[key])
}

// single is the one element of a block that may be written as a list.
func single(v any) any {
	if list, ok := v.([]any); ok && len(list) == 1 {
		return list[0]
	}
	return v
}

func cleaned(v string, file bool) string {
	if v == "" {
		return ""
	}
	v = path.Clean(v)
	if !file {
		v = strings.Trim(v, "/")
	}
	return v
}

// quoted keeps a value from reading as two settings.
func quoted(v string) string {
	if strings.HasPrefix(v, "{") || strings.HasPrefix(v, "[") {
		return v // JSON ends by itself
	}
	if strings.ContainsAny(v, ",#\"") {
		return strconv.Quote(v)
	}
	return v
}

// text is a value as one string, the same for equal values: without what is
// null or empty in it, and with numbers in one form.
func text(v any) string {
	switch v := compact(single(v)).(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		b, err := json.Marshal(v) // maps marshal with sorted keys
		if err != nil {
			return fmt.Sprint(v)
		}
		return string(b)
	}
}

// compact leaves out of a value, at any depth, what says nothing; nil when
// nothing is left.
func compact(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if v == "" {
			return nil
		}
	case map[string]any:
		kept := map[string]any{}
		for k, e := range v {
			if e = compact(e); e != nil {
				kept[k] = e
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	case []any:
		var kept []any
		for _, e := range v {
			if e = compact(e); e != nil {
				kept = append(kept, e)
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
	}
	return v
}

// Package backend is where a state lies: which backend a root module has and what names the state in
// it, states that tfops manages, what a plan was made on, and what may be done with a state that is moved.
package backend

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/redact"
)

// ResolvedBackend reads what init wrote down of the backend. ok is false when
// the data directory knows of none.
func ResolvedBackend(dataDir string) (kind string, config map[string]any, ok bool) {
	b, err := datafile.ReadLinked(filepath.Join(dataDir, "terraform.tfstate"), datafile.Record)
	if err != nil {
		return "", nil, false
	}
	var doc struct {
		Backend *struct {
			Type   string         `json:"type"`
			Config map[string]any `json:"config"`
		} `json:"backend"`
	}
	if json.Unmarshal(b, &doc) != nil || doc.Backend == nil || doc.Backend.Type == "" {
		return "", nil, false
	}
	return doc.Backend.Type, doc.Backend.Config, true
}

// named says which settings name the state, for each type of backend.
// Credentials, and settings that may differ for one and the same state (the
// region of a bucket, whose name is unique anyway), are left out.
var named = map[string][]string{
	"s3":         {"bucket", "key", "workspace_key_prefix", "endpoint", "endpoints"},
	"gcs":        {"bucket", "prefix"},
	"azurerm":    {"storage_account_name", "container_name", "key"},
	"http":       {"address"},
	"pg":         {"schema_name", "conn_str"},
	"consul":     {"address", "datacenter", "path"},
	"kubernetes": {"namespace", "secret_suffix", "config_context", "host"},
	"cos":        {"bucket", "prefix", "key"},
	"oss":        {"bucket", "prefix", "key"},
	"remote":     {"hostname", "organization", "workspaces"},
	"cloud":      {"hostname", "organization", "workspaces"},
	"local":      {"path", "workspace_dir"},
}

// fromEnv are variables that take a setting's place when it is absent.
var fromEnv = map[string]map[string]string{
	"s3":     {"endpoint": "AWS_ENDPOINT_URL_S3"},
	"http":   {"address": "TF_HTTP_ADDRESS"},
	"pg":     {"conn_str": "PG_CONN_STR", "schema_name": "PG_SCHEMA_NAME"},
	"consul": {"address": "CONSUL_HTTP_ADDR"},
	"cloud":  {"organization": "TF_CLOUD_ORGANIZATION", "hostname": "TF_CLOUD_HOSTNAME"},
}

// Naming keeps of a backend's configuration what names the state. Of a setting that is given
// as a secret, itself or as a variable in secret, it keeps the hash: what names a state is
// stored, and has to stay different for two states. What a plan happens to hide is no reason
// to hash: then the name of a state would change with what is in it.
func Naming(kind string, config map[string]any, env map[string]string, secret []string) job.BackendConfig {
	out := job.BackendConfig{Type: kind, Config: map[string]any{}}
	keys, known := named[kind]
	if !known {
		for key := range config {
			if !secretName(key) {
				keys = append(keys, key)
			}
		}
		config, _ = withoutSecrets(config).(map[string]any)
	}
	for _, key := range keys {
		value, from := config[key], key
		if name := fromEnv[kind][key]; empty(value) && env[name] != "" {
			value, from = env[name], name
		}
		if value = canonical(kind, key, value); empty(value) {
			continue
		}
		// connection has hashed it
		if text, ok := value.(string); ok && key != "conn_str" && slices.Contains(secret, from) {
			value = hashed(text)
		}
		if key == "endpoints" { // the newer form of endpoint
			key = "endpoint"
		}
		out.Config[key] = value
	}
	return out
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, e := range v {
			if !empty(e) {
				return false
			}
		}
		return true
	}
	return false
}

// canonical gives one setting the one form that equal settings share.
func canonical(kind, key string, value any) any {
	text, isText := value.(string)
	switch {
	case key == "conn_str" && isText:
		return connection(text)
	case (key == "address" || key == "endpoint" || key == "host") && isText:
		return withoutUser(text)
	case key == "endpoints":
		if m, ok := first(value).(map[string]any); ok {
			s3, _ := m["s3"].(string)
			return withoutUser(s3)
		}
	case kind == "gcs" && key == "prefix" && isText:
		return strings.Trim(text, "/")
	case kind == "local" && isText:
		return filepath.Clean(text)
	case key == "workspaces":
		return first(value)
	}
	return value
}

func first(v any) any {
	if list, ok := v.([]any); ok && len(list) > 0 {
		return list[0]
	}
	return v
}

func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return hashed(address)
	}
	u.User, u.Fragment, u.ForceQuery = nil, "", false
	u.Host = oneHost(u.Host, map[string]string{"http": "80", "https": "443"}[u.Scheme])
	query := u.Query()
	maps.DeleteFunc(query, func(name string, _ []string) bool {
		return secretName(name) || strings.HasPrefix(strings.ToLower(name), "sig")
	})
	if u.RawQuery = ""; len(query) > 0 { // one server keeps many states apart by it
		u.RawQuery = hashed(query.Encode())
	}
	return strings.TrimSuffix(u.String(), "/")
}

// oneHost gives a host, with its port, the one form that stands for it. This machine has many
// names: those that everybody knows count as one.
func oneHost(host, usual string) string {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), ""
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if ip := net.ParseIP(name); name == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		name = "127.0.0.1"
	}
	switch {
	case port != "" && port != usual:
		return net.JoinHostPort(name, port)
	case strings.Contains(name, ":"):
		return "[" + name + "]"
	}
	return name
}

// connection names a PostgreSQL database without its credentials: the hash of
// host and database.
func connection(conn string) string {
	if u, err := url.Parse(conn); err == nil && u.Host != "" {
		return hashed(oneHost(u.Host, postgresPort) + u.Path)
	}
	var host, port, db string
	for field := range strings.FieldsSeq(conn) {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "host":
			host = value
		case "port":
			port = value
		case "dbname":
			db = "/" + value
		}
	}
	if port != "" && !strings.HasPrefix(host, "/") { // or else it is a socket's directory
		host = net.JoinHostPort(host, port)
	}
	return hashed(oneHost(host, postgresPort) + db)
}

const postgresPort = "5432"

func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// withoutSecrets leaves out what is named like a credential, at any depth, and
// users, passwords and queries of URLs.
func withoutSecrets(v any) any {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "://") {
			return withoutUser(v)
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = withoutSecrets(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, e := range v {
			if !secretName(key) {
				out[key] = withoutSecrets(e)
			}
		}
		return out
	}
	return v
}

func secretName(key string) bool {
	key = strings.ToLower(key)
	return redact.SecretName(key) || slices.ContainsFunc([]string{"sas", "auth", "conn", "pem", "cert", "user"},
		func(part string) bool { return strings.Contains(key, part) })
}

package locks

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// naming lists, for each backend type, the settings that name a state. What
// is not here (regions, timeouts, credentials) does not make it another
// state. From the documentation of Terraform's backends. A type that is not
// listed is named by all the settings that are passed.
var naming = map[string][]string{
	"azurerm":    {"storage_account_name", "container_name", "key"},
	"cloud":      {"hostname", "organization", "workspaces"},
	"consul":     {"address", "path"},
	"cos":        {"bucket", "prefix", "key"},
	"gcs":        {"bucket", "prefix"},
	"http":       {"address"},
	"kubernetes": {"namespace", "secret_suffix", "config_context", "host"},
	"local":      {"path", "workspace_dir"},
	"managed":    {"path"},
	"oss":        {"bucket", "prefix", "key"},
	"pg":         {"conn_str", "schema_name"},
	"remote":     {"hostname", "organization", "workspaces"},
	"s3":         {"bucket", "key", "workspace_key_prefix", "endpoint", "endpoints"},
}

// Identity names a state: the backend's type, the settings that name the
// state in it, and the Terraform workspace. Two identities are equal when the
// two states are the same object.
func Identity(backend string, config map[string]any, terraformWorkspace string) string {
	keys, known := naming[backend]
	if !known {
		keys = slices.Sorted(maps.Keys(config))
	}
	isDefault := terraformWorkspace == "" || terraformWorkspace == "default"
	var parts []string
	for _, k := range keys {
		if isDefault && (k == "workspace_key_prefix" || k == "workspace_dir") {
			continue // they place only the states of other Terraform workspaces
		}
		if v := text(config[k]); v != "" {
			if strings.HasSuffix(k, "path") || k == "workspace_dir" {
				v = path.Clean(v)
			}
			parts = append(parts, k+"="+v)
		}
	}
	if isDefault {
		terraformWorkspace = "default"
	}
	return fmt.Sprintf("%s:%s#%s", backend, strings.Join(parts, ","), terraformWorkspace)
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, err := json.Marshal(v) // maps marshal with sorted keys
	if err != nil || string(b) == "null" || string(b) == "[]" || string(b) == "{}" {
		return ""
	}
	return string(b)
}

package inputs

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// WithTokens is a CLI configuration with the tokens of some hosts, which replace those
// that it has.
func WithTokens(base []byte, hosts map[string]string) ([]byte, error) {
	if bytes.HasPrefix(bytes.TrimSpace(base), []byte("{")) {
		return withTokensJSON(base, hosts)
	}
	f := hclwrite.NewEmptyFile()
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		f.Body().AppendNewBlock("credentials", []string{host}).Body().SetAttributeValue("token",
			cty.StringVal(hosts[host]))
	}
	return slices.Concat(base, []byte("\n"), f.Bytes()), nil
}

func withTokensJSON(base []byte, hosts map[string]string) ([]byte, error) {
	var all map[string]any
	if err := json.Unmarshal(base, &all); err != nil {
		return nil, diagnostics.Refuse(job.CauseBadInput,
			"correct the file that TF_CLI_CONFIG_FILE or cli_config names",
			"the engine's CLI configuration is not JSON that can be read: %w", err)
	}
	given, ok := all["credentials"].(map[string]any)
	if !ok {
		given = map[string]any{}
	}
	for host, token := range hosts {
		for name := range given {
			if strings.EqualFold(name, host) {
				delete(given, name)
			}
		}
		given[host] = map[string]any{"token": token}
	}
	all["credentials"] = given
	return json.Marshal(all)
}

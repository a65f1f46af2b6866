package locks

import (
	"fmt"
	"slices"
	"strings"
)

// Place says in words where a state is: for people who compare two of them.
// Like an identity it holds no credential.
func Place(kind string, config map[string]any, terraformWorkspace string) string {
	place := fmt.Sprintf("backend %q", kind)
	if kind == "managed" {
		place = "the state that tfops keeps"
	}
	var parts []string
	b := backends[kind]
	for _, key := range append(slices.Clone(b.settings), b.first...) {
		v := setting(config, key)
		if v == "" || key == "conn_str" { // a digest says nothing to people, and is what tells two of them apart
			continue
		}
		if key == "path" {
			parts = append(parts, v)
			continue
		}
		parts = append(parts, key+" "+v)
	}
	if v := setting(config, "conn_str"); v != "" {
		parts = append(parts, "database #"+v)
	}
	if len(parts) > 0 {
		place += " (" + strings.Join(parts, ", ") + ")"
	}
	if terraformWorkspace != "" && terraformWorkspace != "default" {
		place += fmt.Sprintf(", Terraform workspace %q", terraformWorkspace)
	}
	return place
}

package ground

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMirrorFlag(t *testing.T) {
	for config, want := range map[string]string{
		"": "", "provider_installation {\n": "", "plugin_cache_dir = \"/x\"\n": "",
		"provider_installation {\n  network_mirror {\n    url = \"https://mirror.example.com/p/\"\n  }\n}\n":                         "-net-mirror=https://mirror.example.com/p/",
		"provider_installation {\n  filesystem_mirror {\n    path = \"/usr/share/providers\"\n    include = [\"a/b\"]\n  }\n}\n":     "-fs-mirror=/usr/share/providers",
		"provider_installation {\n  filesystem_mirror {\n    path = \"/x\"\n  }\n  direct {}\n}\n":                                   "",
		"provider_installation {\n  filesystem_mirror {\n    path = \"/x\"\n  }\n  filesystem_mirror {\n    path = \"/y\"\n  }\n}\n": "",
		"provider_installation {\n  network_mirror {\n    url = \"https://me:secret@mirror.example.com/p/\"\n  }\n}\n":               "",
		"provider_installation {\n  dev_overrides {\n  }\n  network_mirror {\n    url = \"https://mirror.example.com/p/\"\n  }\n}\n": "",
	} {
		path := filepath.Join(t.TempDir(), "x.tfrc")
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := MirrorFlag(path); got != want {
			t.Errorf("%s: %q, want %q", config, got, want)
		}
	}
	if got := MirrorFlag("/nowhere/x.tfrc"); got != "" {
		t.Errorf("without a file: %q", got)
	}
}

package ground

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMirrorFlag(t *testing.T) {
	const install = "provider_installation {\n"
	mirror := func(kind, setting string) string { return "  " + kind + " {\n    " + setting + "\n  }\n" }
	net := mirror("network_mirror", `url = "https://mirror.example.com/p/"`)
	for config, want := range map[string]string{
		"": "", install: "", "plugin_cache_dir = \"/x\"\n": "",
		install + net + "}\n": "-net-mirror=https://mirror.example.com/p/",
		install + mirror("filesystem_mirror", "path = \"/usr/share/providers\"\n    include = [\"a/b\"]") +
			"}\n": "-fs-mirror=/usr/share/providers",
		install + mirror("filesystem_mirror", `path = "/x"`) + "  direct {}\n}\n":                                 "",
		install + mirror("filesystem_mirror", `path = "/x"`) + mirror("filesystem_mirror", `path = "/y"`) + "}\n": "",
		install + mirror("network_mirror", `url = "https://me:secret@mirror.example.com/p/"`) + "}\n":             "",
		install + "  dev_overrides {\n  }\n" + net + "}\n":                                                        "",
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

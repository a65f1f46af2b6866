package testrig

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// ProviderSource is the address of the test provider, with the host spelled
// out because OpenTofu has another default.
const ProviderSource = "registry.terraform.io/tfops/lab"

// RequiredProviders is what a root module needs in order to use the provider.
const RequiredProviders = `terraform {
  required_providers {
    lab = {
      source = "` + ProviderSource + `"
    }
  }
}
`

// providerVersion is the only one there is.
const providerVersion = "0.1.0"

// Provider builds the provider of test/provider, once for a state of its
// sources, and returns the path of a CLI configuration file for the engine
// (TF_CLI_CONFIG_FILE) that takes this provider from the disk and allows no
// other source: what is built into the engine works as well, all else fails
// at once instead of reaching for the network.
func Provider(t testing.TB) (cliConfig string) {
	t.Helper()
	src := filepath.Join(Root(t), "test", "provider")
	key := sourceKey(t, src, nil, func(string) bool { return true })
	const config = "terraform.rc"
	dir := cached(t, "provider", key, func(dir, final string) {
		place := filepath.Join(dir, "mirror", filepath.FromSlash(ProviderSource), providerVersion, runtime.GOOS+"_"+
			runtime.GOARCH)
		if err := os.MkdirAll(place, 0o755); err != nil {
			t.Fatal(err)
		}
		goBuild(t, src, filepath.Join(place, "terraform-provider-lab_v"+providerVersion), ".")
		text := fmt.Sprintf(`disable_checkpoint = true
provider_installation {
  filesystem_mirror {
    path    = %q
    include = [%q]
  }
}
`, filepath.Join(final, "mirror"), ProviderSource)
		if err := os.WriteFile(filepath.Join(dir, config), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	return filepath.Join(dir, config)
}

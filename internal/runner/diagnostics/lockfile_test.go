package diagnostics

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
)

func TestConstraintMoved(t *testing.T) {
	moved := job.Diagnostic{Severity: "error", Summary: "Failed to query available provider packages",
		Detail: "locked provider registry.terraform.io/hashicorp/aws 5.1.0 does not match configured version " +
			"constraint ~> 6.0; must use tofu init -upgrade"}
	wrapped := job.Diagnostic{Severity: "error", Summary: "Failed to install provider",
		Detail: "the local\npackage for registry.terraform.io/tfops/lab 0.1.0 doesn't match any of the\nchecksums " +
			"previously recorded"}
	checksum := job.Diagnostic{Severity: "error", Summary: "Failed to install provider",
		Detail: "the current package for x 1.0.0 doesn't match any of the checksums previously recorded in the " +
			"dependency lock file; terraform init -upgrade"}
	for _, tt := range []struct {
		all  []job.Diagnostic
		want bool
	}{{nil, false}, {[]job.Diagnostic{moved}, true}, {[]job.Diagnostic{checksum}, false},
		{[]job.Diagnostic{moved, checksum}, false}, {[]job.Diagnostic{moved, wrapped}, false}} {
		if got := ConstraintMoved(tt.all); got != tt.want {
			t.Errorf("%+v: %v", tt.all, got)
		}
	}
	for text, want := range map[string]string{moved.Detail: "tofu init -upgrade",
		checksum.Detail: "tofu providers lock -platform=", wrapped.Detail: " registry.terraform.io/tfops/lab",
		"Inconsistent dependency lock file\nprovider registry.opentofu.org/hashicorp/null: required by this " +
			"configuration but no version is selected": "registry.opentofu.org/hashicorp/null"} {
		if got := lockFileNext("tofu init", text); !strings.Contains(got, want) {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestProvidersIn(t *testing.T) {
	const text = "Error while installing registry.terraform.io/hashicorp/aws v5.1.0 from " +
		"https://releases.example.com/aws/5.1.0/aws.zip: " +
		"provider localhost:8443/acme/x and registry.terraform.io/hashicorp/aws; " +
		"https://developer.hashicorp.com/terraform/language/files"
	if got := strings.Join(providersIn(text), " "); got != "registry.terraform.io/hashicorp/aws localhost:8443/acme/x" {
		t.Errorf("%q", got)
	}
}

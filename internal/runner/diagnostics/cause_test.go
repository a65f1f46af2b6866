package diagnostics

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
)

func TestCauses(t *testing.T) {
	tests := []struct {
		summary, detail string
		cause           job.Cause
		message         string
	}{
		{"Unsupported argument", "", job.CauseEngine, "terraform plan failed: Unsupported argument (main.tf line 7)"},
		{"Error acquiring the state lock", "Error message: x\nLock Info:\n  ID:        ab-12\n  Path:      p\n  " +
			"Operation: OperationTypeApply\n  Who:       ana@host\n  Version:   1.11.4\n  Created:   2026-01-02 " +
			"03:04:05 UTC\n  Info:      \n", job.CauseLocked,
			"locked by ana@host since 2026-01-02 03:04:05 UTC for apply (lock ab-12)"},
		{"Error acquiring the state lock", "Error message: 2 problems:\n\n- Unsupported state file format: The " +
			"state file could not be parsed as JSON: syntax error at byte offset 50.\n", job.CauseState,
			"cut or damaged, and not locked by anybody"},
		{"Unsupported state file format", "The state file does not have a \"version\" attribute.", job.CauseState,
			"cut or damaged"},
		{"Error acquiring the state lock", "dial tcp 10.0.0.1:443: connect: connection refused", job.CauseNetwork, ""},
		{"Error acquiring the state lock", "HTTP remote state already locked", job.CauseLocked, ""},
		{"Failed to list", "Get \"https://x\": dial tcp: lookup x: no such host", job.CauseNetwork, ""},
		{"Failed", "net/http: TLS handshake timeout", job.CauseNetwork, ""},
		{"reading S3 Bucket", "api error ThrottlingException: Rate exceeded", job.CauseThrottled, ""},
		{"creating EC2", "StatusCode: 503, RequestLimitExceeded: Request limit exceeded", job.CauseThrottled, ""},
		{"Error 429", "429 Too Many Requests", job.CauseThrottled, ""},
		{"Failed to install provider", "could not query provider registry: dial tcp 10.0.0.1:443: connect: " +
			"connection\nrefused", job.CauseNetwork, ""},
		{"Failed", "write /x: no space left on\n\ndevice", job.CauseDisk, ""},
		{"Saved plan is stale", "The given plan file can no longer be applied", job.CauseStale, ""},
		{"Failed to save state", "write terraform.tfstate: no space left on device", job.CauseDisk, ""},
	}
	for _, tt := range tests {
		f := Explain("terraform plan", []job.Diagnostic{{Severity: "warning", Summary: "connection refused"},
			{Severity: "error", Summary: tt.summary, Detail: tt.detail, File: "main.tf", Line: 7}}, "")
		if f.Cause != tt.cause || !strings.Contains(f.Message, tt.message) {
			t.Errorf("%s, %s: %s %q", tt.summary, tt.detail, f.Cause, f.Message)
		}
	}
	if f := Explain("tofu init", nil, "\nError: it broke\n"); f.Message != "tofu init failed: Error: it broke" {
		t.Errorf("%q", f.Message)
	}
}

func TestPlainDiagnostics(t *testing.T) {
	got := plainDiagnostics("\nError: Unsupported block type\n\n  on main.tf line 3, in resource \"x\" \"y\":\n   " +
		"3:   oops {\n\nBlocks of type \"oops\" are not expected here.\n\nWarning: Old\n\nsay\n")
	want := []job.Diagnostic{
		{Severity: "error", Summary: "Unsupported block type", File: "main.tf", Line: 3,
			Detail: "3:   oops {\n\nBlocks of type \"oops\" are not expected here."},
		{Severity: "warning", Summary: "Old", Detail: "say"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v", got)
	}
}

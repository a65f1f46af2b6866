package engines

import (
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-version"

	"github.com/tfops/tfops/internal/fault"
)

func TestWanted(t *testing.T) {
	for _, tt := range []struct {
		constraints []string
		version     string
		allow       bool // a binary that a person provides
		choose      bool // a release that tfops picks
	}{
		{nil, "1.11.4", true, true},
		{nil, "1.12.0-beta1", true, false},
		{[]string{"~> 1.11"}, "1.11.4", true, true},
		{[]string{"~> 1.11"}, "1.12.0", true, true},
		{[]string{"~> 1.11.0"}, "1.12.0", false, false},
		{[]string{"~> 1.11"}, "2.0.0", false, false},
		{[]string{"~> 1.11"}, "1.10.9", false, false},
		{[]string{">= 1.9, < 1.11"}, "1.10.5", true, true},
		{[]string{">= 1.9, < 1.11"}, "1.11.0", false, false},
		{[]string{"1.11.4"}, "1.11.4", true, true},
		{[]string{"1.11.4"}, "1.11.5", false, false},
		{[]string{">= 1.9", "!= 1.11.4"}, "1.11.4", false, false},
		{[]string{">= 1.9", "< 1.11"}, "1.11.4", false, false}, // one from each place: both must hold
		{[]string{"", " "}, "1.11.4", true, true},
		{[]string{">= 1.11"}, "1.12.0-rc1", true, false},
		{[]string{">= 1.12"}, "1.12.0-rc1", true, false},
		{[]string{"1.12.0-rc1"}, "1.12.0-rc1", true, true},
		{[]string{"1.12.0-rc1", ">= 1.11"}, "1.12.0-rc1", true, true},
		{[]string{"1.12.0-rc1"}, "1.12.0", false, false},
		{[]string{">= 1.12.0-beta1"}, "1.12.0-rc1", true, true},
		{[]string{">= 1.12.0-beta1"}, "1.12.0", true, true},
		{[]string{"!= 1.12.0-beta1"}, "1.12.0-rc1", true, false}, // names one only to exclude it
	} {
		want, err := parseWanted(tt.constraints, nil)
		if err != nil {
			t.Fatal(err)
		}
		v := version.Must(version.NewSemver(tt.version))
		if got := want.allow(v); got != tt.allow {
			t.Errorf("%q allow %s: %v", tt.constraints, v, got)
		}
		if got := want.choose(v); got != tt.choose {
			t.Errorf("%q choose %s: %v", tt.constraints, v, got)
		}
	}
}

func TestWantedTellsWhereItWasWritten(t *testing.T) {
	want, err := parseWanted([]string{"~> 1.11", ">= 1.9"}, []string{"tfops.hcl:4"})
	if err != nil {
		t.Fatal(err)
	}
	if got := want.String(); got != `"~> 1.11" (tfops.hcl:4) and ">= 1.9"` {
		t.Errorf("got %s", got)
	}
	_, err = parseWanted([]string{"latest"}, []string{"tfops.hcl:4"})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), `"latest" (tfops.hcl:4)`) || fault.Next(err) == "" {
		t.Errorf("a malformed constraint: %v", err)
	}
}

func TestParseVersion(t *testing.T) {
	for _, tt := range []struct{ out, want string }{
		{`{"terraform_version": "1.11.4", "platform": "linux_amd64"}`, "1.11.4"},
		{"Warning: something\n\n{\"terraform_version\": \"1.12.6\"}", "1.12.6"},
		{"Terraform v0.12.31\n\nYour version of Terraform is out of date!", "0.12.31"},
		{"Terraform v1.12.0-beta1\non linux_amd64", "1.12.0-beta1"},
		{"OpenTofu v1.12.6\non linux_amd64", "1.12.6"},
		{"", ""},
		{"Consul v1.2.3", ""},
		{`{"terraform_version": 7}`, ""},
		{`{"terraform_version": "new"}`, ""},
	} {
		v, err := parseVersion([]byte(tt.out))
		switch {
		case tt.want == "" && err == nil:
			t.Errorf("%q was read as %s", tt.out, v)
		case tt.want != "" && (err != nil || v.String() != tt.want):
			t.Errorf("%q: got %v, %v; want %s", tt.out, v, err, tt.want)
		}
	}
}

// The maker's key changes now and then; ours must be the one that the pinned
// hc-install carries.
func TestMakersKeyIsHcInstalls(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}",
		"github.com/hashicorp/hc-install").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "internal", "pubkey", "pubkey.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(source), strings.TrimSpace(hashicorpKey)) {
		t.Error("hashicorp.asc is not the key in hc-install's internal/pubkey: copy it from there after comparing " +
			"with hashicorp.com/security")
	}
	src, err := newSource(Request{Name: terraform})
	if err != nil {
		t.Fatal(err)
	}
	const fingerprint = "c874011f0ab405110d02105534365d9472d7468f"
	if len(src.keys) != 1 || hex.EncodeToString(src.keys[0].PrimaryKey.Fingerprint) != fingerprint {
		t.Errorf("the key's fingerprint is not %s", fingerprint)
	}
}

func FuzzParseVersion(f *testing.F) {
	f.Add([]byte(`{"terraform_version": "1.11.4"}`))
	f.Add([]byte("Terraform v0.12.31"))
	f.Fuzz(func(t *testing.T, out []byte) {
		v, err := parseVersion(out)
		if err == nil && v.String() == "" {
			t.Errorf("%q gave an empty version", out)
		}
	})
}

// hc-install reports success when it could not unpack the whole archive.
func TestUnpackedInPartIsRefused(t *testing.T) {
	f, err := newFinder(Request{Name: terraform, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), terraform)
	if err := os.WriteFile(binary, []byte("#!/bin/sh\necho Terraform v1.11.4\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	sum, err := FileSum(binary)
	if err != nil {
		t.Fatal(err)
	}
	v := version.Must(version.NewSemver("1.11.4"))
	if err := f.check(t.Context(), binary, sum, v); err != nil {
		t.Fatalf("the whole: %v", err)
	}
	if err := os.WriteFile(binary, []byte("#!/bin/sh\necho Terraform v1.11.4"), 0o700); err != nil {
		t.Fatal(err)
	}
	err = f.check(t.Context(), binary, sum, v)
	if !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "not unpacked whole") {
		t.Errorf("a part: %v", err)
	}
}

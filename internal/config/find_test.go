package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"flag", "env", "first", "second"} {
		if err := os.WriteFile(at(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	both := []string{at("first"), at("second")}
	for _, c := range []struct {
		flag, env string
		places    []string
		want, err string
	}{
		{at("flag"), at("env"), both, at("flag"), ""},
		{"", at("env"), both, at("env"), ""},
		{"", "", both, at("first"), ""},
		{"", "", []string{at("none"), at("second")}, at("second"), ""},
		{at("none"), at("env"), both, "", "which --config names"},
		{"", at("none"), both, "", "which TFOPS_CONFIG names"},
		{"", "", []string{"none.hcl", at("none")}, "", "there is no none.hcl here or in " + filepath.Dir(at("none"))},
	} {
		got, err := find(c.flag, c.env, c.places)
		if got != c.want || (err == nil) != (c.err == "") {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
		if err != nil && (!strings.Contains(err.Error(), c.err) || !fault.Is(err, fault.Invalid) ||
			!strings.Contains(fault.Next(err), "tfops init")) {
			t.Errorf("%+v: %v, next %q", c, err, fault.Next(err))
		}
	}
}

func TestFindHere(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("tfops.hcl", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Find("", ""); got != "tfops.hcl" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

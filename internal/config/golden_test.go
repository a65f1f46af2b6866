package config

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files again")

const canary = "Canary-Value-7f3a"

// Every mistake of testdata/NAME.hcl is rendered as testdata/NAME.golden has it.
func TestMistakes(t *testing.T) {
	t.Setenv("TFOPS_TEST_SECRET", canary)
	t.Setenv("TFOPS_TEST_URL", "slack://hook:AAAAAAAAA-BBBBBBBBB-123456789123456789123456@webhook")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	inputs, err := filepath.Glob("testdata/*.hcl")
	if err != nil || len(inputs) == 0 {
		t.Fatal(inputs, err)
	}
	for _, in := range inputs {
		t.Run(filepath.Base(in), func(t *testing.T) {
			var out bytes.Buffer
			c, err := Load(in)
			var p *Problems
			switch {
			case err == nil:
				err = c.RenderWarnings(&out, false, 0)
			case errors.As(err, &p):
				if !fault.Is(p, fault.Invalid) || fault.Next(p) == "" {
					t.Errorf("the fault is %v with next step %q", fault.CodeOf(p), fault.Next(p))
				}
				if strings.Contains(p.Error(), canary) {
					t.Error("a secret is in the error")
				}
				err = p.Render(&out, false, 0)
			}
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(out.String(), canary) || strings.Contains(out.String(), strings.ToLower(canary)) {
				t.Error("a secret is in the rendered mistakes")
			}
			got := strings.ReplaceAll(out.String(), here, "HERE")
			golden := strings.TrimSuffix(in, ".hcl") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

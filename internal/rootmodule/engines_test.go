package rootmodule

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/testrig"
)

// meant are names of files that some engine reads, or that look as if it did.
var meant = strings.Fields(`main.tf main.tofu a.tf a.tofu a.tf.json a.tofu.json
	k.tf.tofu k.tf.tf k.tofu.json override.x.tf
	myoverride.tf .hidden.tf a.tf~ #h#.tf #h.tf# x.tf.hcl .tf _override.tf b_override.tf a.b_override.tf
	Z_override.tf override.tf override.tofu override.tf.json override.tofu.json z_override.tofu.json
	.override.tf x_override.tf~ x_override.tf x_override.tofu`)

// Which files count, in which order they are merged, and which backend comes of it is
// what the real engines make of the same directories.
func TestAsTheEngines(t *testing.T) {
	engines := map[bool]string{false: testrig.Terraform(t)}
	if tofu, ok := testrig.Tofu(t); ok {
		engines[true] = tofu
	}
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 0))
		dir := t.TempDir()
		write(t, dir, "00.tf", `{"output": {"all": {"value": "00.tf"}}}`)
		for i, name := range meant {
			if rng.IntN(3) > 0 {
				write(t, dir, name, content(name, i, rng))
			}
		}
		for tofu, engine := range engines {
			got, backend := ours(t, dir, tofu)
			want, resolved := theirs(t, dir, engine)
			if !maps.Equal(got, want) || backend != resolved {
				t.Errorf("seed %d, tofu %t: outputs %v, want %v; backend at %q, want %q",
					seed, tofu, got, want, backend, resolved)
			}
		}
	}
}

// content is a JSON document of one file: an override file changes the output "all"
// and gives a backend now and then, any other declares an output of its own.
func content(name string, i int, rng *rand.Rand) string {
	if !IsOverride(strings.TrimLeft(strings.TrimRight(name, "~"), ".")) {
		return fmt.Sprintf(`{"output": {"f%d": {"value": %q}}}`, i, name)
	}
	if rng.IntN(2) == 0 {
		return fmt.Sprintf(`{"output": {"all": {"value": %q}}}`, name)
	}
	return fmt.Sprintf(`{"output": {"all": {"value": %q}}, "terraform": {"backend": {"local": {"path": %q}}}}`,
		name, name+".state")
}

// write writes a file, in the syntax that its name asks for.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if !IsJSON(name) {
		var doc struct {
			Output    map[string]struct{ Value string }
			Terraform *struct {
				Backend struct{ Local struct{ Path string } }
			}
		}
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		text = ""
		for output, o := range doc.Output {
			text += fmt.Sprintf("output %q {\n  value = %q\n}\n", output, o.Value)
		}
		if doc.Terraform != nil {
			text += fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\n",
				doc.Terraform.Backend.Local.Path)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func ours(t *testing.T, dir string, tofu bool) (outputs map[string]string, backend string) {
	t.Helper()
	m, err := Reader{Tree: os.DirFS(dir), Tofu: tofu}.Read(".")
	if err != nil || m.Unread {
		t.Fatalf("%v, %+v", err, m)
	}
	outputs = map[string]string{}
	for _, b := range m.Blocks {
		if b.Type == "output" {
			outputs[b.Labels[0]] = b.Text("value")
		}
	}
	if s := m.Settings(); s.Body != nil {
		attrs, _ := s.Body.JustAttributes()
		backend = Literal(attrs["path"])
	}
	return outputs, backend
}

func theirs(t *testing.T, dir, engine string) (outputs map[string]string, backend string) {
	t.Helper()
	data := t.TempDir()
	run := func(args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), engine, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TF_DATA_DIR="+data, "TF_CLI_CONFIG_FILE=/dev/null", "CHECKPOINT_DISABLE=1")
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s%s", engine, args, err, out, errs.String())
		}
		return out
	}
	saved := filepath.Join(data, "plan")
	run("init", "-input=false", "-no-color")
	run("plan", "-input=false", "-no-color", "-out="+saved)
	var doc struct {
		Planned struct {
			Outputs map[string]struct{ Value string }
		} `json:"planned_values"`
	}
	if err := json.Unmarshal(run("show", "-json", saved), &doc); err != nil {
		t.Fatal(err)
	}
	outputs = map[string]string{}
	for name, o := range doc.Planned.Outputs {
		outputs[name] = o.Value
	}
	var state struct {
		Backend struct{ Config struct{ Path string } }
	}
	if b, err := os.ReadFile(filepath.Join(data, "terraform.tfstate")); err == nil {
		if err := json.Unmarshal(b, &state); err != nil {
			t.Fatal(err)
		}
	}
	return outputs, state.Backend.Config.Path
}

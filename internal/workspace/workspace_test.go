package workspace

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
)

func sample() Workspace {
	return Workspace{
		Name: "net", Repository: "infra", Branch: "main", Dir: "live/net", TerraformWorkspace: "default",
		VarFiles: []string{"prod.tfvars", "../common.tfvars"},
		Variables: map[string]cty.Value{
			"region": cty.StringVal("eu-west-1"), "size": cty.NumberIntVal(3),
			"token": cty.StringVal("hunter2").WithMarks(Secret),
			"db": cty.ObjectVal(map[string]cty.Value{"user": cty.StringVal("u"),
				"pass": cty.StringVal("sesame").WithMarks(Secret)}),
		},
		BackendConfig: map[string]cty.Value{"key": cty.StringVal("net.tfstate"),
			"access_key": cty.StringVal("hunter2").WithMarks(Secret)},
		BackendConfigFiles: []string{"prod.tfbackend"}, EngineVersion: "~> 1.11", Parallelism: 2,
		Env:    map[string]EnvVar{"AWS_PROFILE": {Value: "prod"}, "API_KEY": {Value: "swordfish", Secret: true}},
		Labels: map[string]string{"team": "net"}, Apply: Manual, DependsOn: []string{"accounts"}, Engine: "terraform",
		PlanTimeout: time.Hour, KeepRuns: 10,
	}
}

func TestFingerprintChangesWithWhatAPlanDependsOn(t *testing.T) {
	base := sample().Fingerprint()
	for name, change := range map[string]func(*Workspace){
		"repository":           func(w *Workspace) { w.Repository = "other" },
		"branch":               func(w *Workspace) { w.Branch = "stage" },
		"dir":                  func(w *Workspace) { w.Dir = "live/db" },
		"terraform workspace":  func(w *Workspace) { w.TerraformWorkspace = "stage" },
		"a backend's setting":  func(w *Workspace) { w.BackendConfig["key"] = cty.StringVal("other.tfstate") },
		"its files":            func(w *Workspace) { w.BackendConfigFiles = []string{"dev.tfbackend"} },
		"no backend's config":  func(w *Workspace) { w.BackendConfig, w.BackendConfigFiles = nil, nil },
		"the engine's version": func(w *Workspace) { w.EngineVersion = "" },
		"engine":               func(w *Workspace) { w.Engine = "tofu" },
		"a var file more":      func(w *Workspace) { w.VarFiles = append(slices.Clone(w.VarFiles), "x.tfvars") },
		"no var files":         func(w *Workspace) { w.VarFiles = nil },
		"order of var files":   func(w *Workspace) { w.VarFiles = []string{"../common.tfvars", "prod.tfvars"} },
		"a variable":           func(w *Workspace) { w.Variables["region"] = cty.StringVal("us-east-1") },
		"its type":             func(w *Workspace) { w.Variables["size"] = cty.StringVal("3") },
		"null":                 func(w *Workspace) { w.Variables["region"] = cty.NullVal(cty.String) },
		"a variable gone":      func(w *Workspace) { delete(w.Variables, "region") },
		"a secret gone":        func(w *Workspace) { delete(w.Variables, "token") },
		"no longer a secret":   func(w *Workspace) { w.Variables["token"] = cty.StringVal("hunter2") },
		"a word for secrets":   func(w *Workspace) { w.Variables["token"] = cty.StringVal("(secret)") },
		"environment":          func(w *Workspace) { w.Env["AWS_PROFILE"] = EnvVar{Value: "stage"} },
		"environment gone":     func(w *Workspace) { delete(w.Env, "API_KEY") },
		"an env as a secret":   func(w *Workspace) { w.Env["AWS_PROFILE"] = EnvVar{Value: "prod", Secret: true} },
		"(secret) in the env":  func(w *Workspace) { w.Env["API_KEY"] = EnvVar{Value: "(secret)"} },
	} {
		w := sample()
		change(&w)
		if w.Fingerprint() == base {
			t.Errorf("%s: the fingerprint stayed", name)
		}
	}
}

func TestFingerprintStaysWithWhatAPlanDoesNotDependOn(t *testing.T) {
	base := sample().Fingerprint()
	secret := func(s string) cty.Value { return cty.StringVal(s).WithMarks(Secret) }
	for name, change := range map[string]func(*Workspace){
		"name":                     func(w *Workspace) { w.Name = "network" },
		"dir written otherwise":    func(w *Workspace) { w.Dir = "./live//net/" },
		"no terraform workspace":   func(w *Workspace) { w.TerraformWorkspace = "" },
		"a rotated secret":         func(w *Workspace) { w.Variables["token"] = secret("hunter3") },
		"a rotated environment":    func(w *Workspace) { w.Env["API_KEY"] = EnvVar{Value: "tuna", Secret: true} },
		"a rotated backend key":    func(w *Workspace) { w.BackendConfig["access_key"] = secret("tuna") },
		"parallelism":              func(w *Workspace) { w.Parallelism = 3 },
		"what many are given":      func(w *Workspace) { w.SharedVariables = []string{"size"} },
		"labels":                   func(w *Workspace) { w.Labels = nil },
		"apply":                    func(w *Workspace) { w.Apply = Never },
		"dependencies":             func(w *Workspace) { w.DependsOn = nil },
		"timeouts":                 func(w *Workspace) { w.PlanTimeout, w.ApplyTimeout, w.LockTimeout = 0, 1, 2 },
		"retention":                func(w *Workspace) { w.KeepRuns, w.KeepDays = 0, 0 },
		"a number written with .0": func(w *Workspace) { w.Variables["size"] = cty.MustParseNumberVal("3.0") },
	} {
		w := sample()
		change(&w)
		if w.Fingerprint() != base {
			t.Errorf("%s: the fingerprint changed", name)
		}
	}
	a, b := Workspace{Dir: "."}, Workspace{Dir: "", TerraformWorkspace: "default", VarFiles: []string{},
		Variables: map[string]cty.Value{}, Env: map[string]EnvVar{}}
	if a.Fingerprint() != b.Fingerprint() {
		t.Error("nothing and empty have different fingerprints")
	}
}

// What is stored must not tell a secret, nor let one be guessed by trying.
func TestFingerprintDoesNotDependOnSecrets(t *testing.T) {
	w := sample()
	w.Variables["db"] = cty.ObjectVal(map[string]cty.Value{"user": cty.StringVal("other"),
		"pass": cty.StringVal("mellon").WithMarks(Secret)})
	if w.Fingerprint() != sample().Fingerprint() {
		t.Error("a secret within a value is part of the fingerprint")
	}
}

func TestSecrets(t *testing.T) {
	w := sample()
	w.Variables["list"] = cty.ListVal([]cty.Value{cty.StringVal("swordfish"), cty.StringVal(""),
		cty.NullVal(cty.String), cty.UnknownVal(cty.String), cty.StringVal("zz")}).WithMarks(Secret)
	w.Variables["flag"] = cty.True.WithMarks(Secret)
	made := &Source{Name: "API_TOKEN", Text: "abcd"}
	w.Variables["map"] = cty.MapVal(map[string]cty.Value{"for abcd": cty.StringVal("7"),
		"a1b2c3d4": cty.StringVal("v")}).WithMarks(Secret, cty.NewValueMarks(made))
	got := w.Secrets()
	for _, want := range []Named{{"list", "swordfish"}, {"list", "zz"}, {"pass", "sesame"}, {"API_TOKEN", "abcd"},
		{"API_TOKEN", "for abcd"}, {"API_TOKEN", "a1b2c3d4"}, {"API_TOKEN", "7"}} {
		if !slices.Contains(got, want) {
			t.Errorf("%v is not among the secrets %v", want, got)
		}
	}
	for _, n := range got {
		if n.Text == "" || n.Text == "u" {
			t.Errorf("%v is none", n)
		}
	}
	if none := (Workspace{Variables: map[string]cty.Value{"a": cty.StringVal("x")},
		Env: map[string]EnvVar{"B": {Value: "y"}}}).Secrets(); len(none) != 0 {
		t.Errorf("secrets where there are none: %q", none)
	}
	if text := fmt.Sprintf("%#v %v %+v", w.Variables["map"], w.Variables["map"], made); strings.Contains(
		strings.ReplaceAll(text, "for abcd", ""), "abcd") {
		t.Errorf("a mark prints what it holds: %s", text)
	}
}

func TestIsSecret(t *testing.T) {
	secret := cty.StringVal("x").WithMarks(Secret)
	for _, v := range []cty.Value{secret, cty.ListVal([]cty.Value{secret}),
		cty.ObjectVal(map[string]cty.Value{"a": cty.TupleVal([]cty.Value{cty.True, secret})})} {
		if !IsSecret(v) {
			t.Errorf("%#v is not a secret", v)
		}
	}
	if IsSecret(cty.ListVal([]cty.Value{cty.StringVal("x")})) || IsSecret(cty.NullVal(cty.String)) {
		t.Error("a plain value is a secret")
	}
}

func TestValidName(t *testing.T) {
	for _, name := range []string{"a", "7", "network-prod", "a.b_c-d", "A" + strings.Repeat("x", 127)} {
		if !ValidName().MatchString(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", ".", "..", "-a", "_a", ".a", "a/b", `a\b`, "a b", "a\n", "a\x00", "ä", "a:b",
		"a" + strings.Repeat("x", 128)} {
		if ValidName().MatchString(name) {
			t.Errorf("%q is taken", name)
		}
	}
}

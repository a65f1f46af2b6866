package starter

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// One workspace for each environment that files beside a root module tell of,
// whatever they are called; what cannot be expressed is a comment.
func TestStarterEnvironments(t *testing.T) {
	const partial = "terraform {\n  backend \"s3\" {}\n}\n"
	const gives = "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key = \"k\"\n  }\n}\nvariable \"x\" {}\n" +
		"variable \"y\" {\n  default = 1\n}\n"
	tree := fstest.MapFS{}
	for name, content := range map[string]string{
		"a/main.tf": partial, "a/prod.tfbackend": "", "a/dev.tfbackend": "", "a/prod.tfvars": "",
		"a/unrelated.tfvars": "",
		"b/main.tf":          partial, "b/env/prod.tfvars": "x = 1", "b/env/dev.tfvars": "", "b/env/common.tfvars": "",
		"b/env/prod.s3.tfbackend": "", "b/backend.hcl": "",
		"c/main.tf": partial + "variable \"x\" {}\n", "c/config/prod/backend.conf": "",
		"c/config/prod/vars.tfvars": "x = 1", "c/config/dev/backend.tfvars": "", "c/config/dev/.hidden.tfvars": "",
		"d/main.tf": "", "d/environments/prod.tfvars": "", "d/environments/a=b.tfvars": "",
		"e/main.tf":            "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key = \"k\"\n  }\n}\n",
		"e/envs/prod/x.tfvars": "", "e/envs/dev/main.tf": "", "e/envs/dev/x.tfvars": "",
		"f/main.tf": partial + "# nothing beside\n", "f/vars/some.tfvars": "",
		"g/main.tf": "terraform {\n  cloud {}\n}\n", "g/prod.tfbackend": "",
		"h/main.tf": "", "h/prod.tfbackend": "",
		"i/main.tf": "terraform {\n  backend \"http\" {\n    address = \"x\"\n  }\n}\n", "i/env/prod.tfvars": "",
		"j/main.tf": partial, "j/azurerm.backend.hcl": "", "j/terraform.tfvars": "",
		"k/main.tf": partial, "k/integration.govuk.backend": "", "k/vars/qa_backend.tfvars": "", "k/vars/qa.tfvars": "",
		"l/main.tf": gives, "l/projects/hhmi.tfvars": "x = 1\n", "l/projects/leap.tfvars": "x = 2\n",
		"l/projects/template.tfvars": "x = 3\n", "l/projects/half.tfvars": "y = 3\n",
		"l/backends/leap.hcl": "bucket = \"other\"\n",
		"m/main.tf":           partial, "m/backend-configs/production": "bucket = \"p\"\n",
		"m/backend-configs/README": "What lies here.\n", "m/backend-configs/empty": "",
		"n/main.tf": gives, "n/dev.tfvars": "x = 1\n", "n/prod.tfvars.json": `{"x": 2}`, "n/other.tfvars": "y = 1\n",
		"o/main.tf": gives, "o/examples/one.tfvars": "x = 1\n", "o/examples/two.tfvars": "x = 1\n",
		"o/projects/one.tfvars": "x = 1\n",
		"p/main.tf":             gives, "p/projects/a.tfvars": "x = 1\n", "p/projects/b.tfvars": "x = 1\n",
		"p/projects/main.tf": "",
	} {
		tree[name] = &fstest.MapFile{Data: []byte(content)}
	}
	roots := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"}
	src := string(File(Info{URL: "https://git.example.com/infra.git", Roots: roots, Tree: tree}))
	c := load(t, src)
	got := map[string]string{}
	for _, w := range c.Workspaces {
		got[w.Name] = strings.Join(w.VarFiles, ",") + "|" + strings.Join(w.BackendConfigFiles,
			",") + "|" + w.TerraformWorkspace
	}
	for name, want := range map[string]string{
		"a-dev": "|dev.tfbackend|default", "a-prod": "prod.tfvars|prod.tfbackend|default",
		"b-dev":  "env/common.tfvars,env/dev.tfvars|backend.hcl|default",
		"b-prod": "env/common.tfvars,env/prod.tfvars|backend.hcl,env/prod.s3.tfbackend|default",
		"c-dev":  "|config/dev/backend.tfvars|default",
		"c-prod": "config/prod/vars.tfvars|config/prod/backend.conf|default",
		"d-prod": "environments/prod.tfvars||default", "e-prod": "envs/prod/x.tfvars||prod", "f": "||default",
		"g-prod": "||prod", "h-prod": "||default",
		"i-prod": "env/prod.tfvars||default", "j": "|azurerm.backend.hcl|default",
		"k-integration-govuk": "|integration.govuk.backend|default",
		"k-qa":                "vars/qa.tfvars|vars/qa_backend.tfvars|default",
		"l-hhmi":              "projects/hhmi.tfvars||hhmi", "l-leap": "projects/leap.tfvars|backends/leap.hcl|default",
		"m-production": "|backend-configs/production|default",
		"n-dev":        "dev.tfvars||dev", "n-prod": "prod.tfvars.json||prod", "o": "||default", "p": "||default",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
		delete(got, name)
	}
	if len(got) > 0 || len(c.Warnings) > 0 {
		t.Errorf("besides: %v, %v", got, c.Warnings)
	}
	for _, want := range []string{
		"  # var_files = [\"vars/some.tfvars\"]\n", "  # backend_config = { bucket = \"…\", key = \"…\" }\n",
		"has a cloud block", "declares no backend block that this could complete:\n" +
			"  # backend_config_files = [\"prod.tfbackend\"]",
		"needs a state of its own, and the backend block names one", "  # variables = { x = \"…\" }\n",
	} {
		if !strings.Contains(src, want) {
			t.Errorf("the starter lacks %q:\n%s", want, src)
		}
	}
	if n := strings.Count(src, "# variables = "); n != 3 { // of c, o and p; the others have it in a file
		t.Errorf("%d workspaces need a variable:\n%s", n, src)
	}
}

// Of code whose plans are made on another server the starter says what it found, has
// tfops keep the state, and tells how to bring it along.
func TestStarterOfHostedCode(t *testing.T) {
	tree := fstest.MapFS{}
	for name, content := range map[string]string{
		"a/main.tf": "terraform {\n  cloud {\n    hostname = \"tfe.example.com\"\n    organization = \"acme\"\n" +
			"    workspaces {\n      name = \"net-prod\"\n    }\n  }\n}\n",
		"b/main.tf": "terraform {\n  backend \"remote\" {\n    organization = \"ac\\nme\"\n    workspaces {\n" +
			"      prefix = \"app-\"\n    }\n  }\n}\n",
		"c/x.tf.json": `{"terraform": {"cloud": {"organization": "${var.x}", "workspaces": {"tags": ["x"]}}}}`,
		"d/main.tf":   "terraform {\n  backend \"remote\" {}\n}\n", "d/remote.tfbackend": "",
		"e/main.tf": "terraform {\n  cloud {}\n}\n", "e/env/dev.tfvars": "", "e/env/prod.tfvars": "",
	} {
		tree[name] = &fstest.MapFile{Data: []byte(content)}
	}
	src := string(File(Info{URL: "https://git.example.com/infra.git", Roots: []string{"a", "b", "c", "d", "e"},
		Tree: tree}))
	c := load(t, src)
	if len(c.Workspaces) != 6 || len(c.Warnings) > 0 {
		t.Fatalf("%d workspaces, %v\n%s", len(c.Workspaces), c.Warnings, src)
	}
	for _, w := range c.Workspaces {
		if w.Backend != "managed" || len(w.BackendConfigFiles) > 0 {
			t.Errorf("%s: %q %v", w.Name, w.Backend, w.BackendConfigFiles)
		}
	}
	for _, want := range []string{
		`a cloud block (host "tfe.example.com", organization "acme", workspace "net-prod").`,
		`  # terraform_workspace = "net-prod"`, "terraform state pull > a.tfstate",
		"tfops state import a a.tfstate",
		`backend "remote" (organization "ac\nme", workspaces "app-…").`,
		"terraform workspace select … && terraform state pull > b.tfstate",
		`The code has a cloud block. Its`, "meant for that server: remote.tfbackend.",
		"tfops state import e-prod e-prod.tfstate", `#   key    = "a.tfstate"`,
	} {
		if !strings.Contains(src, want) {
			t.Errorf("the starter lacks %q:\n%s", want, src)
		}
	}
}

// What validate would refuse is left out with its reason.
func TestStarterLeavesOut(t *testing.T) {
	src := string(File(Info{URL: "https://git.example.com/infra.git", Roots: []string{"a", "b"},
		LeftOut: map[string]string{"a": "the module\nis gone"}, NoInfer: true}))
	c := load(t, src)
	if len(c.Workspaces) != 1 || c.Workspaces[0].Name != "b" || c.Workspaces[0].InferDependencies {
		t.Errorf("%+v", c.Workspaces)
	}
	lines := strings.Split(src, "\n")
	if i := slices.Index(lines, "# Left out: the module is gone"); i < 0 || lines[i+1] != `# workspace "a" {` ||
		lines[i+3] != "# }" {
		t.Errorf("%s", src)
	}
}

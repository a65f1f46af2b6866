package reach

import (
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

// What docs/from-atlantis.md says of commits of which Atlantis names other directories.
func TestBesideAtlantis(t *testing.T) {
	calling := func(source string) string { return "module \"m\" {\n  source = \"" + source + "\"\n}\n" }
	for name, c := range map[string]struct {
		files   map[string]string
		dirs    []string
		vars    []string // of the first
		changed string
		want    string
	}{
		"a module beside, called": {map[string]string{"p/main.tf": calling("./modules"), "p/modules/main.tf": ""},
			[]string{"p"}, nil, "p/modules/main.tf", "p"},
		"a module beside, not called": {map[string]string{"p/main.tf": "", "p/modules/main.tf": ""}, []string{"p"},
			nil, "p/modules/main.tf", ""},
		"a directory that nobody calls": {map[string]string{"p/main.tf": calling("./modules"), "p/modules/main.tf": "",
			"p/modules/subdir/main.tf": ""}, []string{"p"}, nil, "p/modules/subdir/main.tf", ""},
		"a module at the top": {map[string]string{"p/main.tf": calling("../modules/x"), "q/main.tf": "",
			"modules/x/main.tf": ""}, []string{"p", "q"}, nil, "modules/x/main.tf", "p"},
		"a var file that is named": {map[string]string{"p/main.tf": "", "p/env/staging.tfvars": "",
			"p/env/prod.tfvars": ""}, []string{"p"}, []string{"env/staging.tfvars"}, "p/env/staging.tfvars", "p"},
		"a var file that is not": {map[string]string{"p/main.tf": "", "p/env/staging.tfvars": "",
			"p/env/prod.tfvars": ""}, []string{"p"}, []string{"env/staging.tfvars"}, "p/env/prod.tfvars", ""},
		"a var file of nobody": {map[string]string{"p/main.tf": "", "p/other.tfvars": ""}, []string{"p"}, nil,
			"p/other.tfvars", ""},
		"a var file by its name": {map[string]string{"p/main.tf": "", "p/terraform.tfvars.json": "{}"},
			[]string{"p"}, nil, "p/terraform.tfvars.json", "p"},
		"a template": {map[string]string{"p/main.tf": "locals {\n  x = templatefile(\"${path.module}/../t/x.tpl\", " +
			"{})\n}\n", "t/x.tpl": ""}, []string{"p"}, nil,
			"t/x.tpl", "p"},
		"yaml that nobody reads": {map[string]string{"p/main.tf": "", "p/ansible.yml": ""}, []string{"p"}, nil,
			"p/ansible.yml", ""},
		"the lock file": {map[string]string{"p/main.tf": "", "p/.terraform.lock.hcl": ""}, []string{"p"}, nil,
			"p/.terraform.lock.hcl", "p"},
		"terragrunt": {map[string]string{"p/main.tf": "", "p/terragrunt.hcl": ""}, []string{"p"}, nil,
			"p/terragrunt.hcl", ""},
		"a file above": {map[string]string{"p/main.tf": "", "main.tf": ""}, []string{"p"}, nil, "main.tf",
			""},
	} {
		t.Run(name, func(t *testing.T) {
			var ws []workspace.Workspace
			for _, d := range c.dirs {
				ws = append(ws, workspace.Workspace{Name: d, Dir: d, Engine: "terraform"})
			}
			ws[0].VarFiles = c.vars
			if got := names(NewIndex().Graph(newHashes(files(c.files)),
				ws).Affected([]string{c.changed})); got != c.want {
				t.Errorf("%s touches %q, want %q", c.changed, got, c.want)
			}
		})
	}
}

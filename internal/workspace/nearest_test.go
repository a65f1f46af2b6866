package workspace

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"url", "poll", "auth", "repository", "terraform_workspace", "plan_timeout", "apply_timeout"}
	for given, want := range map[string]string{
		"pol": "poll", "ulr": "url", "reposotory": "repository", "Terraform-Workspace": "terraform_workspace",
		"plan_time_out": "plan_timeout", "timeout": "", "xyz": "", "": "", "u": "",
	} {
		if got := Nearest(given, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", given, got, want)
		}
	}
	if got := Nearest("prad", []string{"prod2", "prod", "prid"}); got != "prod" {
		t.Errorf("the nearest of several is %q", got)
	}
}

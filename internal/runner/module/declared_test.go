package module

import (
	"strings"
	"testing"
)

func TestMistyped(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"regoin", "region"}: true, {"regions", "region"}: true, {"vpcid", "vpc_id"}: true, {"Region", "region"}: true,
		{"instance-type", "instance_type"}: true,
		{"instnace_tpye", "instance_type"}: true,
		{"subnet_a", "subnet_b"}:           false, {"az1", "az2"}: false, {"dns", "env"}: false,
		{"zone", "name"}: false, {"region", "region"}: false, {"env", "en"}: false,
	} {
		if got := mistyped(pair[0], pair[1]); got != want {
			t.Errorf("%v: %v", pair, got)
		}
	}
}

// A file of variables that is hostile costs no time and ends nothing.
func TestAssignmentsOfAnything(t *testing.T) {
	for _, src := range []string{"", "a = ", strings.Repeat("[", 100_000), "\x00GITCRYPT\x00" +
		strings.Repeat("\xff", 1000), "{", `{"a": {"b": 1}`, "a {\n}\n"} {
		for _, name := range []string{"x.tfvars", "x.tfvars.json"} {
			if got := assignments([]byte(src), name); len(got) != 0 {
				t.Errorf("%.20q as %s: %v", src, name, got)
			}
		}
	}
}

package hclfn

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

func TestFunctions(t *testing.T) {
	for expr, want := range map[string]cty.Value{
		`startswith("live/prod", "live/")`:                                cty.True,
		`endswith("a.md", ".tf")`:                                         cty.False,
		`anytrue([for t in ["aws_iam_role"] : startswith(t, "aws_iam")])`: cty.True,
		`anytrue([])`:                               cty.False,
		`alltrue([])`:                               cty.True,
		`alltrue([true, false])`:                    cty.False,
		`replace("a-b", "-", "_")`:                  cty.StringVal("a_b"),
		`try(jsondecode("{")["x"], "none")`:         cty.StringVal("none"),
		`tonumber("3") + length(toset(["a", "a"]))`: cty.NumberIntVal(4),
	} {
		e, diags := hclsyntax.ParseExpression([]byte(expr), "test", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		got, diags := e.Value(&hcl.EvalContext{Functions: Pure()})
		if diags.HasErrors() {
			t.Errorf("%s: %s", expr, diags.Error())
			continue
		}
		if !got.RawEquals(want) {
			t.Errorf("%s = %#v, want %#v", expr, got, want)
		}
	}
}

func TestPureIsACopy(t *testing.T) {
	m := Pure()
	delete(m, "join")
	if _, ok := Pure()["join"]; !ok {
		t.Fatal("a caller changed the shared table")
	}
}

func TestIndentIsBounded(t *testing.T) {
	e, _ := hclsyntax.ParseExpression([]byte(`indent(99999999999, "a\nb")`), "test", hcl.InitialPos)
	if _, diags := e.Value(&hcl.EvalContext{Functions: Pure()}); !diags.HasErrors() {
		t.Fatal("all memory would be taken")
	}
}

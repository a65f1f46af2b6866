package rootmodule

import (
	"strings"
	"testing"
)

// What is refused must be all that can exhaust the stack of HCL's parser, which would
// end the process; what people write must pass.
func TestTooDeep(t *testing.T) {
	for _, s := range []string{
		"(", "[", "{a=", "!", "-", "! ", "1==1?1:", "f(", "\"${", "x[", "[0]", "[*].a",
		"(/*)*/", "(#)\n", "!/**/", "[0]/**/",
		"a {\n", "a \"b\" {\n", "[\"]\",", "(\"${\")\"}\"+",
	} {
		if !TooDeep([]byte("a = 1" + strings.Repeat(s, 11*maxNesting))) {
			t.Errorf("many of %q pass", s)
		}
	}
	if TooDeep([]byte(strings.Repeat("# ---------- (see a) :( ? --\nx = [for a in b : {c = !d}]\n", 1000))) {
		t.Error("an ordinary file is refused")
	}
}

package runner

import (
	"fmt"
	"strings"
	"testing"
)

func TestWhatToMove(t *testing.T) {
	state := func(lineage string, serial, resources int) string {
		return fmt.Sprintf(`{"version": 4, "serial": %d, "lineage": %q, "resources": [{"mode": "managed", "instances": [%s]}]}`,
			serial, lineage, strings.TrimSuffix(strings.Repeat("{},", resources), ","))
	}
	for _, c := range []struct {
		name, old, there string
		want             moving
		refused          string
	}{
		{name: "nothing there", old: state("L", 3, 2), want: writeIt},
		{name: "an empty one of another lineage", old: state("L", 3, 2), there: state("K", 1, 0), want: replaceIt},
		{name: "an older one", old: state("L", 3, 2), there: state("L", 2, 1), want: writeIt},
		{name: "the same", old: state("L", 3, 2), there: state("L", 3, 2), want: keepIt},
		{name: "it went on since it was moved", old: state("L", 3, 2), there: state("L", 9, 4), want: keepIt},
		{name: "somebody else's", old: state("L", 3, 2), there: state("K", 1, 1), refused: "another lineage"},
		{name: "somebody else's, newer", old: state("L", 3, 2), there: state("K", 99, 1), refused: "1 resources"},
		{name: "what is there is cut", old: state("L", 3, 2), there: state("L", 3, 2)[:30], refused: "not overwritten"},
		{name: "the old one is empty", old: "", refused: "it is empty"},
		{name: "the old one is cut", old: state("L", 3, 2)[:50], refused: "cut or damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := whatToMove("app", []byte(c.old), []byte(c.there))
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("%v, want a refusal that says %q", err, c.refused)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("%d, %v; want %d", got, err, c.want)
			}
		})
	}
}

func TestSameContent(t *testing.T) {
	const a = `{"version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "L", "outputs": {"n": 12345678901234567890}, "resources": [{"type": "x", "name": "a"}]}`
	for text, same := range map[string]bool{
		a:                                        true,
		strings.ReplaceAll(a, "1.11.4", "1.5.7"): true,
		strings.ReplaceAll(a, ": ", ":\n\t"):     true,
		strings.ReplaceAll(a, `"name": "a"`, `"name": "b"`):   false,
		strings.ReplaceAll(a, "567890}", "567891}"):           false,
		strings.ReplaceAll(a, `"lineage": "L"`, `"other": 1`): false,
		a[:len(a)-1]: false, "": false,
	} {
		if sameContent([]byte(a), []byte(text)) != same {
			t.Errorf("same is %v: %s", !same, text)
		}
	}
	if sameContent(nil, nil) {
		t.Error("nothing counts as a state")
	}
}

package drift

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/drift/glob"
)

// ignoreDays is how long a rule lasts that is proposed.
const ignoreDays = 90

// maxPaths is how many attributes a proposed rule names one by one.
const maxPaths = 20

// IgnoreRule is the block of tfops.hcl that would leave out of reports what
// shows of a finding, and nothing of another workspace; the reason is to be
// filled in. It is empty where no rule may, or can, be of the finding.
func (f Finding) IgnoreRule(now time.Time) string {
	address, _, _ := strings.Cut(f.Address, " (deposed ")
	if f.Class == Unchecked || strings.TrimSpace(address) == "" || glob.Check(address) != nil {
		return ""
	}
	attributes, ok := f.proposed()
	if !ok {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "ignore %s {\n", hclText(f.ruleName()))
	fmt.Fprintf(&b, "  workspace  = %s\n", hclText(literal.Replace(f.Workspace)))
	fmt.Fprintf(&b, "  address    = %s\n", hclText(address))
	if len(attributes) > 0 {
		fmt.Fprintf(&b, "  attributes = %s\n", hclList(attributes))
	}
	fmt.Fprintf(&b, "  class      = [%s]\n", hclText(string(f.Class)))
	fmt.Fprintf(&b, "  reason     = %s\n", hclText("why it may differ"))
	fmt.Fprintf(&b, "  expires    = %s\n", hclText(now.UTC().AddDate(0, 0, ignoreDays).Format(time.DateOnly)))
	if len(f.Owners) > 0 && strings.TrimSpace(f.Owners[0]) != "" {
		fmt.Fprintf(&b, "  owner      = %s\n", hclText(f.Owners[0]))
	}
	b.WriteString("}\n")
	return b.String()
}

// proposed are the attributes of the rule: none stands for all, as for the
// resource as a whole. Many are named by what they are within. It is false
// where one cannot be named.
func (f Finding) proposed() ([]string, bool) {
	paths := f.showing()
	if slices.Contains(paths, "") {
		return nil, true
	}
	for i, p := range paths {
		if strings.TrimSpace(p) == "" || glob.Check(p) != nil {
			return nil, false
		}
		if len(paths) > maxPaths {
			paths[i] = glob.Root(p)
		}
	}
	slices.Sort(paths)
	if paths = slices.Compact(paths); len(paths) > maxPaths {
		return nil, true
	}
	return paths, true
}

// ruleName is the address in letters, with the beginning of the finding's id:
// two rules that are copied into one file do not share it.
func (f Finding) ruleName() string {
	words := strings.FieldsFunc(f.Address, func(r rune) bool {
		return r >= unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	name := strings.ToLower(strings.Join(append(words, f.ID[:min(len(f.ID), 6)]), "-"))
	return strings.TrimLeft(name[max(0, len(name)-60):], "-")
}

// literal writes a name as a pattern that fits it alone.
var literal = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// hclList is a list of texts, on several lines when it is long.
func hclList(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = hclText(s)
	}
	if one := "[" + strings.Join(quoted, ", ") + "]"; len(one) <= 80 {
		return one
	}
	return "[\n    " + strings.Join(quoted, ",\n    ") + ",\n  ]"
}

// hclText is text as HCL writes it: no expression in it, and no character that
// does not show.
func hclText(s string) string { return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes()) }

package reach

import (
	"strings"
	"testing"
	"time"
)

// TestBombs: whatever a file says, its facts are read soon, or it is not read and says so.
func TestBombs(t *testing.T) {
	many := func(before, again, after string) string {
		const size = 480 << 10
		return before + strings.Repeat(again, (size-len(before)-len(after))/len(again)) + after
	}
	for name, c := range map[string]struct {
		kind fileKind
		src  string
	}{
		"heredocs":                {code, many("", "a = <<A\n", "")},
		"dollars":                 {code, many("a = \"", "$", "\"\n")},
		"texts in texts":          {code, many("a = \"", "x${\"y\"}", "\"\n")},
		"a number of a gigabyte":  {code, "locals {\n  a = 1e1000000000\n  b = \"${1e-999999999}\"\n}\n"},
		"numbers":                 {code, many("locals {\n  a = [", "1e9999999,", "]\n}\n")},
		"a long number":           {code, many("locals {\n  a = 1", "9", "\n}\n")},
		"calls":                   {code, many("locals {\n  a = [", "file(\"a\"),", "]\n}\n")},
		"operators":               {code, many("a = 1", "+1", "\n")},
		"sums of texts":           {code, many("locals {\n  a = f(\"a\"", ",\"b\"", ")\n}\n")},
		"objects":                 {code, many("locals {\n  a = {", "b = \"c/d\",", "}\n}\n")},
		"blocks":                  {code, many("", "module \"a\" {\n  source = \"./b\"\n}\n", "")},
		"JSON of a number":        {codeJSON, `{"locals": {"a": 1e1000000000, "b": [1e-1000000000]}}`},
		"JSON of templates":       {codeJSON, many(`{"locals": {"a": [`, `"${",`, `1]}}`)},
		"JSON of one template":    {codeJSON, many(`{"locals": {"a": "# `, `${\"`, `"}}`)},
		"JSON of dollars":         {codeJSON, many(`{"locals": {"a": "${b}`, `$`, `"}}`)},
		"JSON of brackets":        {codeJSON, many(`{"locals": `, `[`, ``)},
		"JSON of names":           {codeJSON, many(`{"locals": {`, `"a${b}": 1,`, `"a": 1}}`)},
		"values":                  {values, many("a = [", "1e1000000000,", "]\n")},
		"JSON of values":          {valuesJSON, many(`{"a": [`, `1e1000000000,`, `1]}`)},
		"a template of dollars":   {template, many("file ${b} ", "$", "")},
		"a template of brackets":  {template, many("# file ", "${[", "")},
		"a template of texts":     {template, many("/* file ", "${\"", "")},
		"a template of if":        {template, many("file ", "%{ if a }", "")},
		"a template of lines":     {template, many("file ${a} ", "%%{\n", "")},
		"YAML of lists":           {dataYAML, many("", "[", "")},
		"YAML of maps":            {dataYAML, many("", "{a: ", "")},
		"YAML of dashes":          {dataYAML, many("", "- ", "a")},
		"YAML of keys":            {dataYAML, many("", "? ", "a")},
		"YAML of a comment":       {dataYAML, many("a: 1\n", "#\n", "")},
		"YAML of comments":        {dataYAML, many("", "a: 1 #b\n#c\n", "")},
		"YAML of open texts":      {dataYAML, many("", "a: \"\n", "")},
		"YAML of lines":           {dataYAML, many("a: |\n", " b\n", "")},
		"YAML of empty lines":     {dataYAML, many("a: >\n", " \n", " b")},
		"YAML of colons":          {dataYAML, many("", ":", "")},
		"YAML of commas":          {dataYAML, many("[", "a,", "]")},
		"YAML of anchors":         {dataYAML, many("", "- &a b\n", "")},
		"YAML of aliases":         {dataYAML, laughs(9) + many("z: [", "*a8,", "]")},
		"YAML of merges":          {dataYAML, laughs(9) + many("", "- <<: *a8\n", "")},
		"YAML of tags":            {dataYAML, many("", "!a ", "b")},
		"YAML of a number":        {dataYAML, "a: 1e1000000000\nb: " + strings.Repeat("9", 300_000)},
		"data of a number":        {dataJSON, `{"a": 1e1000000000, "b": ` + strings.Repeat("9", 300_000) + "}"},
		"data of brackets":        {dataJSON, many("", "[", "")},
		"data of maps":            {dataJSON, many("", `{"a":`, "")},
		"a table of quotes":       {dataCSV, many("a,b\n", "\"\n", "")},
		"a table of commas":       {dataCSV, many("a", ",", "\n1,2\n")},
		"a table of empty lines":  {dataCSV, many("a,b\n", "\n", "")},
		"a table of quoted lines": {dataCSV, many("a,b\n\"", "\n", "\",1")},
	} {
		started := time.Now()
		f := readFile(c.kind, []byte(c.src))
		if d := time.Since(started); d > 20*time.Second { // without a bound it is minutes, or the end
			t.Errorf("%s: %s, %+v", name, d, f.unread)
		}
		if strings.Contains(f.unread, "tfops fails") {
			t.Errorf("%s: %s", name, f.unread)
		}
		if size := len(encodeFacts(f)); size > 32<<20 {
			t.Errorf("%s: %d bytes of facts", name, size)
		}
	}
}

// laughs are lists, each with ten times the one before.
func laughs(n int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < n; i++ {
		before, now := string(rune('0'+i-1)), string(rune('0'+i))
		b.WriteString("a" + now + ": &a" + now + " [" + strings.Repeat("*a"+before+",", 10) + "]\n")
	}
	return b.String()
}

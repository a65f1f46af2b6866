package reach

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

// A form is an expression around another one, which stands for X and is a text.
// The value is a text again: that of X itself where same is set.
type form struct {
	text   string
	same   bool
	native bool // only in the native syntax
	vague  bool // it is not told exactly which file is meant by a path through it
}

// forms are all the expressions of HCL's grammar, and the functions that paths
// and the content of files go through in practice.
var forms = []form{
	{text: `X`, same: true},
	{text: `(X)`, same: true},
	{text: `"${X}"`, same: true},
	{text: `"a${X}b"`},
	{text: `"${~ X ~}"`, same: true},
	{text: `"%{ if true }${X}%{ else }%{ endif }"`, same: true},
	{text: `"%{ if X == "" }a%{ else }b%{ endif }"`},
	{text: `"%{ for v in [X] }${v}%{ endfor }"`, same: true, vague: true},
	{text: `"%{ for k, v in { (X) = 1 } }${k}%{ endfor }"`, same: true, vague: true},
	{text: "<<EOT\n${X}\nEOT\n", native: true},
	{text: "trimspace(<<-EOT\n  ${X}\n  EOT\n)", same: true, native: true},
	{text: "chomp(<<EOT\n%{ for v in [X] ~}\n${v}\n%{ endfor ~}\nEOT\n)", same: true, vague: true, native: true},
	{text: `[X][0]`, same: true},
	{text: `["", X]["1"]`, same: true},
	{text: `[[X]][0][0]`, same: true},
	{text: `[X].0`, same: true},
	{text: `{ a = X }.a`, same: true},
	{text: `{ a = X }["a"]`, same: true},
	{text: `{ "a" : X }["a"]`, same: true},
	{text: `{ (lower("A")) = X }["a"]`, same: true},
	{text: `{ "${"a"}" = X }["a"]`, same: true},
	{text: `{ a = { b = [X] } }.a.b[0]`, same: true},
	{text: `{ (X) = "b" }[X]`},
	{text: `keys({ (X) = 1 })[0]`, same: true},
	{text: `keys({ "${X}" = 1 })[0]`, same: true},
	{text: `keys({ a = X })[0]`},
	{text: `values({ a = X })[0]`, same: true},
	{text: `([{ a = X }][*].a)[0]`, same: true},
	{text: `[{ a = X }].*.a[0]`, same: true},
	{text: `([{ a = [X] }][*].a[0])[0]`, same: true},
	{text: `([[X]][*][0])[0]`, same: true},
	{text: `(X[*])[0]`, same: true},
	{text: `([{ a = "b" }][*][X == "" ? "a" : "a"])[0]`},
	{text: `{ a = "b" }[X == "" ? "a" : "a"]`},
	{text: `true ? X : ""`, same: true},
	{text: `false ? "" : X`, same: true},
	{text: `X == "" ? "" : "a"`},
	{text: `X != "" && true ? "a" : "b"`},
	{text: `false || !(X == "") ? "a" : "b"`},
	{text: `tostring(length(X) + 1 - 2 * 3 / 4 % 5)`},
	{text: `tostring(-length(X))`},
	{text: `length(X) >= 0 ? "a" : "b"`},
	{text: `0 < length(X) ? "a" : "b"`},
	{text: `[for v in [X] : v][0]`, same: true},
	{text: `[for v in [X] : "a"][0]`},
	{text: `[for i, v in ["a"] : X if i == 0][0]`, same: true},
	{text: `[for v in ["a"] : X][0]`, same: true},
	{text: `[for v in ["a"] : v if X != "\n"][0]`},
	{text: `{ for k, v in { a = X } : k => v }["a"]`, same: true},
	{text: `{ for v in [X] : "a" => v }.a`, same: true},
	{text: `keys({ for v in [X] : v => 1 })[0]`, same: true},
	{text: `{ for v in [X] : "a" => v... }.a[0]`, same: true},
	{text: `[for a in [[X]] : [for b in a : b]][0][0]`, same: true},
	{text: `flatten([for a in [{ l = [X] }] : [for b in a.l : { p = b }]])[0].p`, same: true},
	{text: `join("", [X])`, same: true},
	{text: `join("", [for v in [X] : v])`, same: true, vague: true},
	{text: `format("%s", X)`, same: true},
	{text: `format("%s", [X]...)`, same: true},
	{text: `format("%[1]s", X)`, same: true, vague: true},
	{text: `formatlist("%s", [X])[0]`, same: true, vague: true},
	{text: `element([X], 0)`, same: true},
	{text: `lookup({ a = X }, "a", "")`, same: true},
	{text: `lookup({}, "a", X)`, same: true},
	{text: `try(X, "")`, same: true},
	{text: `try({}.a, X)`, same: true},
	{text: `can(X) ? "a" : "b"`},
	{text: `coalesce("", X)`, same: true},
	{text: `coalescelist([], [X])[0]`, same: true},
	{text: `one([X])`, same: true},
	{text: `one(toset([X]))`, same: true},
	{text: `tolist(toset([X]))[0]`, same: true},
	{text: `tomap({ a = X }).a`, same: true},
	{text: `merge({ b = "" }, { a = X }).a`, same: true},
	{text: `merge([{ a = X }]...)["a"]`, same: true},
	{text: `merge([for v in [X] : { a = v }]...)["a"]`, same: true},
	{text: `concat(["a"], [X])[1]`, same: true},
	{text: `compact(["", X])[0]`, same: true},
	{text: `distinct([X, X])[0]`, same: true},
	{text: `reverse(sort([X]))[0]`, same: true},
	{text: `slice(["", X], 1, 2)[0]`, same: true},
	{text: `chunklist([X], 1)[0][0]`, same: true},
	{text: `setproduct(["a"], [X])[0][1]`, same: true},
	{text: `zipmap(["a"], [X]).a`, same: true},
	{text: `split(",", X)[0]`, same: true, vague: true},
	{text: `regex("^.*$", X)`, same: true, vague: true},
	{text: `replace(X, "?", "")`, same: true},
	{text: `trimprefix(X, "??")`, same: true},
	{text: `trimsuffix(X, "??")`, same: true},
	{text: `substr(X, 0, -1)`, same: true},
	{text: `upper(X)`},
	{text: `nonsensitive(sensitive(X))`, same: true},
	{text: `jsondecode(jsonencode({ r = X }))["r"]`, same: true},
	{text: `yamldecode(yamlencode({ r = [X] })).r[0]`, same: true},
	{text: `csvdecode("a\n${X}")[0].a`, same: true, vague: true},
	{text: `(csvdecode("a\n${X}")[*].a)[0]`, same: true, vague: true},
	{text: `base64decode(base64encode(X))`, same: true, vague: true},
	{text: `core::lower(core::upper(X))`},
	{text: `provider::terraform::encode_expr(X)`},
}

// readsOf are the expressions that read a file, given the name of one in f/.
var readsOf = []string{
	`file("f/NAME")`, `file("./f/NAME")`, `file("${path.module}/f/NAME")`, `file("${path.root}/f/NAME")`, `file("${path.cwd}/f/NAME")`,
	`file(abspath("f/NAME"))`, `file("${abspath(path.module)}/f/NAME")`, `core::file("f/NAME")`, `filebase64("f/NAME")`, `filemd5("f/NAME")`,
	`filesha256("f/NAME")`, `filebase64sha512("f/NAME")`, `templatefile("f/NAME", { a = 1 })`, `templatefile("f/NAME", {})`,
	`file(join("/", [path.module, "f", "NAME"]))`, `file(format("%s/%s", "f", "NAME"))`, `file("${dirname("f/x")}/NAME")`, `file(["f/NAME"]...)`,
	`one([for f in fileset("f", "NAME") : file("f/${f}")])`, `one([for f in fileset(path.module, "f/{NAME,nothing}") : file(f)])`,
}

// block is a block of either syntax.
type block struct {
	kind   string
	labels []string
	// a value that begins with = is a reference or a type, with a quote a literal; else an expression
	attrs  [][2]string
	blocks []block
}

// standing is where an expression can stand: a block, in which X is the expression
// and N a number of its own.
type standing struct {
	block
	lazy bool // the engine does not need the value, or not offline
	more []block
}

func attr(kind, labels, name, value string) block {
	return block{kind: kind, labels: strings.Fields(labels), attrs: [][2]string{{name, value}}}
}

func (b block) with(inner ...block) block { b.blocks = append(b.blocks, inner...); return b }

func in(kind string, attrs ...[2]string) block { return block{kind: kind, attrs: attrs} }

func res() block { return block{kind: "resource", labels: []string{"terraform_data", "nN"}} }

var condition = [2]string{"condition", `local.always && X != "?"`}

func message(e string) [2]string { return [2]string{"error_message", e} }

var places = []standing{
	{block: attr("resource", "terraform_data nN", "input", `X`)},
	{block: attr("resource", "terraform_data nN", "input", `{ a = [X] }`)},
	{block: attr("resource", "terraform_data nN", "triggers_replace", `[X]`)},
	{block: attr("resource", "terraform_data nN", "count", `X == "?" ? 0 : 1`)},
	{block: attr("resource", "terraform_data nN", "for_each", `toset([X])`)},
	{block: block{kind: "resource", labels: []string{"terraform_data", "nN"},
		attrs: [][2]string{{"for_each", `{ a = X }`}, {"input", `each.value`}}}},
	{block: block{kind: "resource", labels: []string{"terraform_data", "nN"},
		attrs: [][2]string{{"for_each", `{ a = { p = 1 } }`}, {"input", `X`}}}},
	{block: res().with(in("lifecycle").with(in("precondition", condition, message(`"m"`))))},
	{block: res().with(in("lifecycle").with(in("postcondition", [2]string{"condition", `local.always`}, message(`"m ${X}"`)))), lazy: true},
	{block: res().with(in("provisioner", [2]string{"command", `"true # ${nonsensitive(X) == "" ? 1 : 2}"`}).label("local-exec"))},
	{block: res().with(in("provisioner", [2]string{"command", `"true"`}, [2]string{"environment", `{ A = X }`}).label("local-exec"))},
	{block: res().with(in("connection", [2]string{"host", `X`})), lazy: true},
	{block: block{kind: "data", labels: []string{"terraform_remote_state", "nN"}, attrs: [][2]string{{"backend", `"local"`},
		{"config", `{ path = X == "?" ? "" : "f/state.json" }`}, {"defaults", `{ a = X }`}, {"workspace", `X == "?" ? "" : "default"`}}}},
	{block: attr("output", "nN", "value", `X`)},
	{block: attr("output", "nN", "value", `{ a = { b = "${X}" } }`)},
	{block: attr("output", "nN", "value", `1`).with(in("precondition", condition, message(`"m"`)))},
	{block: attr("output", "nN", "value", `local.nN`), more: []block{{kind: "locals", attrs: [][2]string{{"nN", `X`}}}}},
	{block: attr("locals", "", "nN", `X`), lazy: true},
	{block: block{kind: "variable", labels: []string{"nN"},
		attrs: [][2]string{{"default", `"d"`}}}.with(in("validation", [2]string{"condition", `var.nN == "d" && X != "?"`}, message(`"m"`)))},
	{block: block{kind: "module", labels: []string{"nN"}, attrs: [][2]string{{"source", `"./child"`}, {"v", `X`}}}},
	{block: block{kind: "module", labels: []string{"nN"}, attrs: [][2]string{{"source", `"./child"`}, {"v", `{ a = [X] }`}}}},
	{block: block{kind: "module", labels: []string{"nN"}, attrs: [][2]string{{"source", `"./child"`}, {"count", `X == "?" ? 0 : 1`}}}},
	{block: block{kind: "module", labels: []string{"nN"}, attrs: [][2]string{{"source", `"./child"`}, {"for_each", `{ a = X }`}, {"v", `each.value`}}}},
	{block: block{kind: "check", labels: []string{"nN"}}.with(in("assert", condition, message(`"m"`)))},
	{block: block{kind: "check", labels: []string{"nN"}}.with(in("assert", [2]string{"condition", `local.always`},
		message(`"m ${X}"`))), lazy: true},
	{block: block{kind: "import", attrs: [][2]string{{"to", `=terraform_data.nN`}, {"id", `X`}}}, more: []block{res()}},
	{block: block{kind: "import", attrs: [][2]string{{"for_each", `[X]`}, {"to", `=terraform_data.nN`}, {"id", `each.value`}}}, more: []block{res()}},
	// What follows needs a provider, a backend or OpenTofu.
	{block: attr("provider", "aws", "region", `X`), lazy: true},
	{block: attr("provider", "aws", "region", `"a"`).with(in("assume_role", [2]string{"role_arn", `X`})), lazy: true},
	{block: attr("ephemeral", "random_password nN", "length", `X`), lazy: true},
	{block: res().with(in("dynamic", [2]string{"for_each", `[X]`}).label("setting").with(in("content",
		[2]string{"a", `setting.value`}))), lazy: true},
	{block: res().with(in("dynamic", [2]string{"for_each", `[1]`},
		[2]string{"labels", `[X]`}).label("setting").with(in("content"))), lazy: true},
	{block: res().with(in("dynamic", [2]string{"for_each", `[1]`},
		[2]string{"iterator", `=it`}).label("setting").with(in("content", [2]string{"a", `{ b = X }`}))), lazy: true},
	{block: res().with(in("lifecycle", [2]string{"replace_triggered_by", `[terraform_data.x[X]]`})), lazy: true},
	{block: block{kind: "data", labels: []string{"aws_ami", "nN"},
		attrs: [][2]string{{"owners", `[X]`}}}.with(in("filter", [2]string{"name", `X`})), lazy: true},
	{block: block{kind: "check", labels: []string{"nN"}}.with(in("data", [2]string{"id", `X`}).label("aws_ami", "a")),
		lazy: true},
	{block: block{kind: "terraform"}.with(in("backend", [2]string{"key", `X`}).label("s3")), lazy: true},
	{block: block{kind: "terraform"}.with(in("provider_meta", [2]string{"a", `X`}).label("aws")), lazy: true},
	{block: block{kind: "terraform"}.with(in("encryption").with(in("key_provider",
		[2]string{"passphrase", `X`}).label("pbkdf2", "a"))), lazy: true},
	{block: block{kind: "removed", attrs: [][2]string{{"from", `=terraform_data.gone`}}}.with(in("provisioner",
		[2]string{"command", `X`}).label("local-exec")), lazy: true},
	{block: block{kind: "module", labels: []string{"nN"}, attrs: [][2]string{{"source", `"registry.example.com/a/b/c"`},
		{"v", `X`}, {"version", `X`}}}, lazy: true},
	{block: block{kind: "module", labels: []string{"nN"}, attrs: [][2]string{{"source", `"./child/${X == "?" ? "" : ""}"`}}}, lazy: true},
}

func (b block) label(labels ...string) block { b.labels = labels; return b }

// put is the block with an expression and a number in it.
func (b block) put(expr string, n int) block {
	fill := func(s string) string { return strings.ReplaceAll(s, "nN", fmt.Sprint("n", n)) }
	out := block{kind: b.kind}
	for _, l := range b.labels {
		out.labels = append(out.labels, fill(l))
	}
	for _, a := range b.attrs {
		out.attrs = append(out.attrs, [2]string{fill(a[0]), fill(around(a[1], expr))})
	}
	for _, inner := range b.blocks {
		out.blocks = append(out.blocks, inner.put(expr, n))
	}
	return out
}

// around is a form with an expression for its X.
func around(form, expr string) string {
	if strings.Contains(expr, " ? ") || strings.Contains(expr, " != ") {
		expr = "(" + expr + ")"
	}
	var out strings.Builder
	word := func(i int) bool {
		return i >= 0 && i < len(form) && (form[i] >= 'a' && form[i] <= 'z' || form[i] >= 'A' && form[i] <= 'Z')
	}
	for i := range len(form) {
		if form[i] == 'X' && !word(i-1) && !word(i+1) {
			out.WriteString(expr)
			continue
		}
		out.WriteByte(form[i])
	}
	return out.String()
}

// native is the block in the native syntax.
func (b block) native() string {
	var s strings.Builder
	s.WriteString(b.kind)
	for _, l := range b.labels {
		fmt.Fprintf(&s, " %q", l)
	}
	s.WriteString(" {\n")
	for _, a := range b.attrs {
		fmt.Fprintf(&s, "%s = %s\n", a[0], strings.TrimPrefix(a[1], "="))
	}
	for _, inner := range b.blocks {
		s.WriteString(inner.native())
	}
	return s.String() + "}\n"
}

// put adds the block to a document of the JSON syntax.
func (b block) json(doc map[string]any) {
	body := map[string]any{}
	for _, a := range b.attrs {
		switch {
		case strings.HasPrefix(a[1], "="):
			body[a[0]] = a[1][1:]
		case strings.HasPrefix(a[1], `"`):
			body[a[0]] = "${" + a[1] + "}"
			if plain := strings.Trim(a[1], `"`); !strings.ContainsAny(plain, `"$`) {
				body[a[0]] = plain
			}
		default:
			body[a[0]] = "${" + a[1] + "}"
		}
	}
	for _, inner := range b.blocks {
		inner.json(body)
	}
	into, key := doc, b.kind
	for _, l := range b.labels {
		next, ok := into[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			into[key] = next
		}
		into, key = next, l
	}
	list, _ := into[key].([]any)
	into[key] = append(list, body)
}

// reading is an expression at a place, and the file that it reads.
type reading struct {
	standing
	at    int // which of the places
	expr  string
	file  string
	vague bool
}

// samples are all expressions of each place: every form around a read, a read
// through every form that leaves its path as it is, and random ones of forms
// within forms.
func samples(native bool) (all []reading) {
	r := rand.New(rand.NewPCG(1, 2))
	usable := func(f form) bool { return native || !f.native }
	for at, p := range places {
		add := func(expr string, vague bool) {
			file := fmt.Sprint("v", len(all), "-", at)
			all = append(all, reading{p, at, strings.ReplaceAll(expr, "NAME", file), "f/" + file, vague})
		}
		for i, f := range forms {
			if usable(f) {
				add(around(f.text, readsOf[i%len(readsOf)]), false)
			}
			if f.same && usable(f) {
				add(around(around(`file(X)`, f.text), `"f/NAME"`), f.vague)
			}
		}
		for _, read := range readsOf {
			add(read, false)
		}
		for range 20 {
			expr := pick(r, readsOf)
			for range 1 + r.IntN(4) {
				if f := pick(r, forms); usable(f) && !strings.Contains(f.text, "EOT") {
					expr = around(f.text, expr)
				}
			}
			add(expr, false)
		}
	}
	return all
}

// program is a root module of samples.
func program(all []reading, native bool) map[string]string {
	tree := map[string]string{
		"f/state.json":  `{"version": 4, "terraform_version": "1.0.0", "serial": 1, "lineage": "a", "outputs": {}, "resources": []}`,
		"f/none":        "",
		"child/main.tf": "variable \"v\" {\n  type = any\n  default = null\n}\noutput \"v\" {\n  value = var.v\n}\n",
		"provider.tf": "locals {\n  always = true\n}\nterraform {\n  required_providers {\n    terraform = {\n    " +
			"  source = \"terraform.io/builtin/terraform\"\n    }\n  }\n}\n",
	}
	var text strings.Builder
	doc := map[string]any{}
	for i, p := range all {
		for _, b := range append([]block{p.block}, p.more...) {
			b = b.put(p.expr, i)
			text.WriteString(b.native())
			b.json(doc)
		}
		tree[p.file] = "v1"
	}
	tree["main.tf"] = text.String()
	if !native {
		delete(tree, "main.tf")
		src, _ := json.Marshal(doc)
		tree["main.tf.json"] = string(src)
	}
	return tree
}

// Every expression of HCL that reads a file is seen to read it, wherever it
// stands, in either syntax. What the forms leave of a path is told exactly, but
// for those that are marked as vague.
func TestEveryFormAtEveryPlace(t *testing.T) {
	for _, native := range []bool{true, false} {
		all := samples(native)
		for len(all) > 0 { // those of one place at a time
			n := 1
			for n < len(all) && all[n].at == all[0].at {
				n++
			}
			exact := onlyReach(t, all[:n], native)
			for _, r := range all[:n] {
				switch {
				case exact.precisely(r.file):
				case !r.vague:
					t.Errorf("native %v: what is read is not told exactly in\n%s", native, r.source(native))
				case onlyReach(t, []reading{r}, native).touch(r.file) == nil:
					t.Errorf("native %v: %s is not seen in\n%s", native, r.file, r.source(native))
				}
			}
			all = all[n:]
		}
	}
}

func onlyReach(t *testing.T, all []reading, native bool) *reach {
	t.Helper()
	g := NewIndex().Graph(files(program(all, native)), []workspace.Workspace{{Name: "w", Dir: "."}})
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	return g.reaches[0]
}

// precisely reports whether a file is in the reach by a path of its own.
func (r *reach) precisely(p string) bool {
	for _, c := range r.covers {
		if c.kind != Wide && c.has(p) {
			return true
		}
	}
	return false
}

// source is the text that reads.
func (r reading) source(native bool) string {
	tree := program([]reading{r}, native)
	return tree["main.tf"] + tree["main.tf.json"]
}

func slicesOf[T any](list []T, keep func(T) bool) (out []T) {
	for _, e := range list {
		if keep(e) {
			out = append(out, e)
		}
	}
	return out
}

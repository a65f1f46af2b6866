package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/plan"
)

// secretShape is a secret of one kind, how the configuration gets hold of it, and what code does
// with it.
type secretShape struct {
	name  string
	value string // what must be found nowhere
	env   string // what the daemon's environment has; the value where it is empty
	given string // an expression of tfops.hcl; env(…) where it is empty
	code  string // an expression over var.<name> that makes text of it; itself where it is empty
}

// secretShapes are secrets as people have them.
var secretShapes = []secretShape{
	{name: "plain", value: "plainly-Secret-01"},
	{name: "short_token", value: "q7Rt2"},
	{name: "short_base64_token", value: "w8Yu3", code: "base64encode(var.short_base64_token)"},
	{name: "login_base64", value: "hunt-Er-02-Pass", code: `base64encode("user:${var.login_base64}")`},
	{name: "deep_base64", value: "hunt-Er-03-Pass", code: `base64encode("us:${var.deep_base64}\n")`},
	{name: "url_safe", value: "hunt?Er>04~Pass",
		code: `replace(replace(base64encode(var.url_safe), "+", "-"), "/", "_")`},
	{name: "in_url", value: "hunt/Er:05@Pass", code: `"https://user:${urlencode(var.in_url)}@db.example.com/app"`},
	{name: "quoted", value: `hunt"Er\06'Pass`, code: "jsonencode({ k = var.quoted })"},
	{name: "twice", value: `hunt"Er<07>Pass`, code: "jsonencode({ k = jsonencode({ k = var.twice }) })"},
	{name: "html", value: `hunt<Er>08&Pass`, code: "jsonencode(var.html)"},
	{name: "number", value: "481516230", given: `tonumber(env("SHAPE_number"))`, code: "tostring(var.number)"},
	{name: "number_itself", value: "481516231", given: `tonumber(env("SHAPE_number_itself"))`,
		code: "var.number_itself"},
	{name: "json_number", value: "481516232", env: `{"pin": 481516232}`, code: "jsondecode(var.json_number).pin"},
	{name: "json_decoded", value: "481516233", env: `{"pin": 481516233}`, given: `jsondecode(env("SHAPE_json_decoded"))`,
		code: "var.json_decoded.pin"},
	{name: "json_field", value: "in-Json-09", env: `{"user": "app", "password": "in-Json-09"}`,
		code: "jsondecode(var.json_field).password"},
	{name: "json_short", value: "z9Kx4", env: `{"deep": [{"api_token": "z9Kx4"}]}`,
		code: "jsondecode(var.json_short).deep[0].api_token"},
	{name: "lines", value: "second-Line-10", env: "first-Line-10\nsecond-Line-10\nthird-Line-10\n",
		code: `split("\n", var.lines)[1]`},
	{name: "windows", value: "second-Line-11", env: "first-Line-11\r\nsecond-Line-11\r\n",
		code: `trimspace(split("\n", var.windows)[1])`},
	{name: "pem", value: "MIIEvQIBADANBgkqhkiG9w0B12",
		env: "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B12\nAQEFAASCBKcwggSjAgEAAoIB\n" +
			"-----END PRIVATE KEY-----\n",
		code: `join("", slice(split("\n", var.pem), 1, 3))`},
	{name: "ini", value: "in-Ini-13-Pass",
		env:  "[default]\naws_secret_access_key = in-Ini-13-Pass\nregion = eu-central-1\n",
		code: `regex("aws_secret_access_key = (.*)", var.ini)[0]`},
	{name: "dsn_field", value: "in-Dsn-14", env: "host=db port=5432 user=app password=in-Dsn-14",
		code: `regex("password=(.*)", var.dsn_field)[0]`},
	{name: "conn", value: "in-Conn-15==", env: "Endpoint=https://x.example.com;AccountKey=in-Conn-15==;Suffix=y",
		code: `regex("AccountKey=([^;]*)", var.conn)[0]`},
	{name: "userpass", value: "in-Login-16", env: "deploy:in-Login-16", code: `split(":", var.userpass)[1]`},
	{name: "url_password", value: "in-Url-17", env: "postgres://app:in-Url-17@db.example.com/app",
		code: `regex("app:(.*)@", var.url_password)[0]`},
	{name: "url_literal", value: "in-Literal-18", given: `"postgres://app:in-Literal-18@db.example.com/app"`,
		code: `regex("app:(.*)@", var.url_literal)[0]`},
	{name: "url_query", value: "in-Query-19", given: `"https://example.com/x?access_token=in-Query-19&ref=1"`,
		code: `regex("access_token=([^&]*)", var.url_query)[0]`},
	{name: "prefixed", value: "in-Prefix-20", given: `"Bearer ${env("SHAPE_prefixed")}"`,
		code: `trimprefix(var.prefixed, "Bearer ")`},
	{name: "keys", value: "as-Map-Key-21", given: `{ (env("SHAPE_keys")) = "alice" }`, code: "keys(var.keys)[0]"},
	{name: "lookup", value: "tk9x8w7v6u22", env: `{"tk9x8w7v6u22": "alice"}`, given: `jsondecode(env("SHAPE_lookup"))`,
		code: "keys(var.lookup)[0]"},
	{name: "list", value: "in-List-23", given: `["open-list", env("SHAPE_list")]`, code: "var.list[1]"},
	{name: "unicode", value: "käse-ünd-brot-24"},
	{name: "spaces", value: "correct horse battery staple"},
	{name: "words", value: "correct-horse-battery"},
	{name: "trimmed", value: "trimmed-Value-25", env: "  trimmed-Value-25 \n", code: "trimspace(var.trimmed)"},
	{name: "hcl", value: "$${in}%%{hcl}-26", env: "${in}%{hcl}-26", code: "jsonencode([var.hcl])"},
	{name: "of_file", value: "from-File-27", given: `file("shape.txt")`, code: "trimspace(var.of_file)"},
}

// passed are variables that pass_env names; the code prints its environment.
var passed = map[string]string{"ACME_THING": "Passed-thing-28", "ACME_LICENSE": "L1C3-2345-N5E6",
	"ACME_HOOK": "https://hooks.example.com/services/T01AB/B01AB/x7K2m9Q4w8R1t5Y3u6I0", "ACME_PIN": "m4Qz",
	"ACME_WORDS": "battery-staple-horse"}

// public is what people need to read of all that.
var public = []string{"eu-central-1", "module.network_production", "db.example.com", "production", "acme-network",
	"aws-profile-name"}

func (v *vault) shapeOf(s secretShape) (variable, given, code string) {
	text, given, code := s.env, s.given, s.code
	if text == "" {
		text = s.value
	}
	if given == "" {
		given = fmt.Sprintf("env(%q)", "SHAPE_"+s.name)
	}
	if code == "" {
		code = "var." + s.name
	}
	v.env = append(v.env, "SHAPE_"+s.name+"="+text)
	return fmt.Sprintf("variable %q {}\n", s.name), given, code
}

// shapesModule prints every secret in every way that a root module has.
func (v *vault) shapesModule() (module, variables string) {
	declared, gathered := "", ""
	for _, s := range secretShapes {
		variable, given, code := v.shapeOf(s)
		declared += variable
		gathered += fmt.Sprintf("    %s = try(%s, \"?\")\n", s.name, code)
		variables += fmt.Sprintf("    %s = %s\n", s.name, given)
	}
	return v.module(declared + `
locals {
  all = {
` + gathered + `  }
  text = { for k, v in local.all : k => tostring(v) }
}
module "network_production" {
  source = "./network"
  all    = local.all
  region = "eu-central-1"
}
resource "terraform_data" "each" {
  for_each = { for k, v in local.text : v => k if !startswith(v, "{") }
  input    = "${each.value} is ${each.key}"
}
resource "terraform_data" "said" {
  triggers_replace = [local.all]
  provisioner "local-exec" {
    command     = "env | sort; printf '%s\n' \"$SAID\"; printf '%s\n' \"$SAID\" >&2; env | base64 -w0; env | base64 | head -c 900"
    environment = { SAID = join("\n", values(local.text)) }
  }
}
check "all" {
  assert {
    condition     = length(local.all) == 0
    error_message = "They are ${join(", ", values(local.text))}."
  }
}
output "all" { value = local.all }
output "plain" { value = nonsensitive(sensitive(jsonencode(local.all))) }
output "joined" { value = "production: ${join(" ", values(local.text))}" }
output "hexed" { value = "acme-network" }
`), variables
}

const shapesNetwork = `
variable "all" {}
variable "region" {}
resource "terraform_data" "vpc" {
  input = { region = var.region, all = var.all, profile = "aws-profile-name" }
}
output "all" { value = terraform_data.vpc.output }
`

// searched are the texts that stand for the secrets.
func searched() map[string]string {
	all := map[string]string{}
	add := func(name, value string) {
		all[name] = value
		if len(value) >= 6 {
			all[name+" in base64"] = base64.RawStdEncoding.EncodeToString([]byte(value))[:len(value)*8/6-1]
			all[name+" in hex"] = hex.EncodeToString([]byte(value))
			all[name+" in a query"] = url.QueryEscape(value)
		}
		all[name+" in JSON"] = jsonInner(value, true)
	}
	for _, s := range secretShapes {
		add(s.name, strings.NewReplacer("$${", "${", "%%{", "%{").Replace(s.value))
	}
	for name, value := range passed {
		add(name, value)
	}
	return all
}

// inCode are tokens that stand in code: Git has them, and what is made of the tree.
var inCode = []string{"module-Token-31", "query-Token-32", "backend-Token-33", "ghp_registry0123456789abcdefABCDEF0123"}

// TestShapes has a real run print forty secrets of different shapes in all ways that code has,
// and looks for them in every file, in all that the daemon answers and in its log.
func TestShapes(t *testing.T) {
	t.Parallel()
	v := &vault{lab: newLab(t), aviary: aviary{tb: t}}
	for name, value := range passed {
		v.env = append(v.env, name+"="+value)
	}
	v.env = append(v.env, "AWS_REGION=eu-central-1", "AWS_PROFILE=aws-profile-name")
	v.write("shape.txt", "from-File-27\n")
	module, variables := v.shapesModule()
	v.repo.Commit("main", map[string]string{"shapes/main.tf": module, "shapes/network/main.tf": shapesNetwork,
		"fetched/main.tf": `module "m" { source = "git::http://bot:` + inCode[0] +
			`@127.0.0.1:1/m.git?ref=v1&access_token=` + inCode[1] + `" }`,
		"backed/main.tf": `terraform {
  backend "http" { address = "http://bot:` + inCode[2] + `@127.0.0.1:1/state?token=` + inCode[1] + `" }
}`,
		"token/main.tf": `module "m" { source = "https://` + inCode[3] + `@127.0.0.1:1/m.zip?token=` + inCode[1] + `" }`})
	v.write("tfops.hcl", fmt.Sprintf(`data_dir = %q
runner {
  pass_env = ["TF_CLI_CONFIG_FILE", "ACME_*", "AWS_*"]
}
repository "infra" {
  url  = %q
  poll = "1s"
}
defaults { repository = "infra" }
workspace "shapes" {
  dir       = "shapes"
  variables = {
%s  }
}
workspace "fetched" { dir = "fetched" }
workspace "backed" { dir = "backed" }
workspace "token" { dir = "token" }
`, v.data, v.repo.Dir, variables))
	v.serve()
	run := v.latest("shapes", "awaiting_approval").ID
	v.tfops(0, "approve", run)
	v.reaches(run, "applied")
	for _, name := range []string{"fetched", "backed", "token"} {
		v.until(name+" has failed", func() bool { // and is tried again
			return slices.ContainsFunc(v.runsOf(name), func(r api.Run) bool { return r.Status == "errored" })
		})
	}
	shown := v.tfops(0, "show", run).out + v.tfops(0, "show", run, "-o", "json").out + v.tfops(0, "logs", run).out
	for _, text := range public {
		if !strings.Contains(shown, text) {
			t.Errorf("%s is hidden, and people need it", text)
		}
	}
	if n := strings.Count(shown, plan.Sensitive); n < 100 {
		t.Errorf("only %d secrets were hidden: %s", n, shown)
	}
	texts := searched()
	for i, token := range inCode {
		texts[fmt.Sprintf("token %d in code", i)] = token
	}
	look := func(place string, b []byte, code bool) {
		v.places++
		for name, text := range texts {
			if code && strings.HasSuffix(name, "in code") { // it is there as it was pushed
				continue
			}
			if i := bytes.Index(b, []byte(text)); i >= 0 {
				t.Errorf("%s holds %s: …%s…", place, name, b[max(0, i-160):min(len(b), i+len(text)+40)])
			}
		}
	}
	v.shapesCommands(look)
	v.tfops(0, "backup", v.path("backup.db"))
	look("the backup", []byte(v.read("backup.db")), false)
	v.terminate()
	v.shapesFiles(look)
	look("the daemon's log", []byte(v.log()), false)
	if v.places < 30 {
		t.Errorf("only %d places were searched", v.places)
	}
}

// shapesCommands looks at what commands print and the daemon answers.
func (v *vault) shapesCommands(look func(string, []byte, bool)) {
	v.t.Helper()
	commands := [][]string{{"status"}, {"runs"}, {"audit"}, {"graph"}}
	paths := []string{"status", "workspaces", "runs", "repositories", "audit"}
	for _, name := range []string{"shapes", "fetched", "backed", "token"} {
		commands = append(commands, []string{"status", name}, []string{"history", name})
		paths = append(paths, "workspaces/"+name, "workspaces/"+name+"/history")
		for _, r := range v.runsOf(name) {
			commands = append(commands, []string{"show", r.ID}, []string{"logs", r.ID})
			paths = append(paths, "runs/"+r.ID, "runs/"+r.ID+"/plan", "runs/"+r.ID+"/log")
		}
	}
	for _, c := range commands {
		for _, format := range []string{"table", "json"} {
			a := v.command(append(c[:len(c):len(c)], "-o", format)...)
			look(fmt.Sprint(c, format), []byte(a.out+a.errout), false)
		}
	}
	c := v.wire()
	defer c.CloseIdleConnections()
	for _, p := range paths {
		resp, err := c.Get("http://tfops/api/v1/" + p)
		if err != nil {
			v.t.Fatal(err)
		}
		var b bytes.Buffer
		_, err = b.ReadFrom(resp.Body)
		resp.Body.Close()
		if err != nil {
			v.t.Errorf("GET %s: %v", p, err)
		}
		look("GET "+p, b.Bytes(), false)
	}
}

// shapesFiles looks into every file of the data directory but the managed state and the
// engine's own directory.
func (v *vault) shapesFiles(look func(string, []byte, bool)) {
	v.t.Helper()
	held := 0
	err := filepath.WalkDir(v.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, _ := filepath.Rel(v.data, path)
		parts := strings.Split(rel, "/")
		if len(parts) > 2 && parts[0] == "workspaces" && (parts[2] == "engine" ||
			strings.HasPrefix(parts[2], "terraform.tfstate")) {
			b, err := os.ReadFile(path)
			for _, s := range secretShapes {
				if bytes.Contains(b, []byte(s.value)) {
					held++
				}
			}
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		code := parts[0] == "repos" || parts[0] == "cache" || len(parts) > 2 && parts[2] == "ground"
		look(rel, b, code)
		return nil
	})
	if err != nil || held < 20 {
		v.t.Fatalf("%v; the managed state holds %d secrets: the search finds nothing", err, held)
	}
}

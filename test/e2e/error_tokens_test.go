package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/api"
)

// errorToken is what code has, or is given, of secrets, where it fails.
type errorToken struct {
	name  string
	code  string // SECRET is a token of its own, which stands in the code
	given bool   // SECRET comes by var.token
	files map[string]string
}

// errorTokens fail in init, in a plan, or in a function, with a token in what the engine says of it.
var errorTokens = []errorToken{
	{name: "git-password", code: `module "m" { source = "git::http://bot:SECRET@127.0.0.1:1/m.git?ref=v1" }`},
	{name: "git-user", code: `module "m" { source = "git::https://SECRET@127.0.0.1:1/m.git//sub?ref=v1" }`},
	{name: "git-escaped", code: `module "m" { source = "git::http://bot:SECRET%2Fx%40y@127.0.0.1:1/m.git" }`},
	{name: "git-sshkey", code: `module "m" { source = "git::ssh://git@127.0.0.1:1/m.git?sshkey=SECRET" }`},
	{name: "archive-query", code: `module "m" { source = "http://127.0.0.1:1/m.zip?access_token=SECRET&archive=zip" }`},
	{name: "archive-amz", code: `module "m" { source = "http://127.0.0.1:1/m.zip?X-Amz-Date=1&X-Amz-Signature=SECRET" }`},
	{name: "s3-key", code: `module "m" { source = "s3::http://127.0.0.1:1/b/m.zip?aws_access_key_id=AKIDEXAMPLE&` +
		`aws_access_key_secret=SECRET&region=us-east-1" }`},
	{name: "registry-module", code: "module \"m\" {\n  source  = \"HOST/SECRET/m/aws\"\n  version = \"1.0.0\"\n}"},
	{name: "registry-provider", code: "terraform {\n  required_providers {\n    x = { source = \"HOST/SECRET/x\" }\n" +
		"  }\n}\n" +
		"resource \"x_thing\" \"t\" {}"},
	{name: "no-such-source", code: `module "m" { source = "https://bot:SECRET@[" }`},
	{name: "nested", code: `module "m" { source = "./child" }`, files: map[string]string{
		"child/main.tf": `module "n" { source = "git::http://bot:SECRET@127.0.0.1:1/n.git" }`}},
	{name: "backend-http", code: backend("http", `address = "http://bot:SECRET@127.0.0.1:1/s?token=SECRET"`)},
	{name: "backend-http-field", code: backend("http", `address  = "http://127.0.0.1:1/s"`, `username = "bot"`,
		`password = "SECRET"`, `passwords = "SECRET"`)},
	{name: "backend-s3", code: backend("s3", `bucket = "b"`, `key = "k"`, `region = "nowhere"`,
		`access_key = "AKIDEXAMPLE"`, `secret_key = "SECRET"`, `token = "SECRET"`)},
	{name: "backend-pg", code: backend("pg", `conn_str = "postgres://bot:SECRET@127.0.0.1:1/db?sslmode=disable"`)},
	{name: "backend-pg-words", code: backend("pg", `conn_str = "host=127.0.0.1 port=1 user=bot password=SECRET"`)},
	{name: "backend-consul", code: backend("consul", `address = "127.0.0.1:1"`, `path = "p"`, `access_token = "SECRET"`)},
	{name: "provider", code: "terraform {\n  required_providers {\n    x = { source = \"HOST/acme/x\" }\n  }\n}\n" +
		"provider \"x\" { url = \"https://bot:SECRET@127.0.0.1:1/\" }"},
	{name: "literal-syntax", code: "locals {\n  password = \"SECRET\n}"},
	{name: "literal-wrong", code: "locals {\n  password = \"SECRET\" + 1\n}\noutput \"o\" { value = local.password }"},
	{name: "templatefile-missing", given: true, code: `output "o" { value = templatefile("${var.token}.tftpl", {}) }`},
	{name: "templatefile-number", given: true, code: `output "o" { value = templatefile("t.tftpl", { token = var.token }) }`,
		files: map[string]string{"t.tftpl": "a\n${token + 1}\n"}},
	{name: "templatefile-unknown", given: true, code: `output "o" { value = templatefile("t.tftpl", { "${var.token}" = 1 }) }`,
		files: map[string]string{"t.tftpl": "${nothing}"}},
	{name: "templatefile-index", given: true, code: `output "o" { value = templatefile("t.tftpl", { m = { a = var.token } }) }`,
		files: map[string]string{"t.tftpl": "${m[m.a]} ${m.a.b}"}},
	{name: "templatefile-literal", code: `output "o" { value = templatefile("t.tftpl", {}) }`,
		files: map[string]string{"t.tftpl": "https://bot:SECRET@h/ ${nothing} password=SECRET\n"}},
	{name: "templatefile-encoded", given: true,
		code:  `output "o" { value = templatefile("t.tftpl", { t = base64encode("bot:${var.token}") }) }`,
		files: map[string]string{"t.tftpl": "${tonumber(t)}"}},
	{name: "function-file", given: true, code: `output "o" { value = file("/nowhere/${var.token}") }`},
	{name: "function-number", given: true, code: `output "o" { value = tonumber(var.token) }`},
	{name: "function-json", given: true, code: `output "o" { value = jsondecode("{${var.token}") }`},
	{name: "function-cidr", given: true, code: `output "o" { value = cidrhost(var.token, 1) }`},
	{name: "function-regex", given: true, code: `output "o" { value = regex("^x$", var.token) }`},
	{name: "function-key", given: true, code: `output "o" { value = { a = 1 }[var.token] }`},
	{name: "function-url", given: true, code: `output "o" { value = parseint("https://bot:${urlencode(var.token)}@h", 10) }`},
	{name: "module-variable", given: true, code: "module \"m\" {\n  source = \"./child\"\n  n      = var.token\n}",
		files: map[string]string{"child/main.tf": `variable "n" { type = number }`}},
	{name: "for-each", given: true, code: `resource "terraform_data" "x" { for_each = var.token }`},
	{name: "count", given: true, code: `resource "terraform_data" "x" { count = var.token }`},
}

// backend is a root module with a backend of some settings.
func backend(kind string, settings ...string) string {
	return fmt.Sprintf("terraform {\n  backend %q {\n    %s\n  }\n}", kind, strings.Join(settings, "\n    "))
}

// redirects is a registry that sends to where nobody is, with a token in the URL: what it is asked for
// as the namespace.
func redirects(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	answer := func(path, text string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, strings.ReplaceAll(text, "TOKEN", tokenOf(req.PathValue("who"))))
		})
	}
	answer("/.well-known/terraform.json", `{"modules.v1": "/m/", "providers.v1": "/p/"}`)
	answer("/m/{who}/m/aws/versions", `{"modules": [{"versions": [{"version": "1.0.0"}]}]}`)
	mux.HandleFunc("/m/{who}/m/aws/1.0.0/download", func(w http.ResponseWriter, req *http.Request) {
		token := tokenOf(req.PathValue("who"))
		w.Header().Set("X-Terraform-Get", "http://bot:"+token+"@127.0.0.1:1/m.zip?access_token="+token)
		w.WriteHeader(http.StatusNoContent)
	})
	answer("/p/{who}/x/versions", fmt.Sprintf(`{"versions": [{"version": "1.0.0", "protocols": ["6.0"], "platforms": [{"os": %q, "arch": %q}]}]}`,
		runtime.GOOS, runtime.GOARCH))
	answer("/p/{who}/x/1.0.0/download/{os}/{arch}", fmt.Sprintf(`{"protocols": ["6.0"], "os": %q, "arch": %q, "filename": "x.zip",
		"download_url": "http://127.0.0.1:1/x.zip?X-Amz-Signature=TOKEN", "shasum": %q,
		"shasums_url": "http://127.0.0.1:1/sums?X-Amz-Signature=TOKEN", "shasums_signature_url": "http://bot:TOKEN@127.0.0.1:1/sig",
		"signing_keys": {"gpg_public_keys": []}}`, runtime.GOOS, runtime.GOARCH, strings.Repeat("ab", 32)))
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	return s
}

// tokenOf is the token of a case that a registry is asked for by its number.
func tokenOf(who string) string {
	n, _ := strconv.Atoi(strings.TrimPrefix(who, "case"))
	return fmt.Sprintf("Tk%02dqZ-%s-9xW", n, strings.ToUpper(errorTokenNames()[n][:3]))
}

func errorTokenNames() (names []string) {
	for _, e := range errorTokens {
		names = append(names, e.name)
	}
	return names
}

// TestTokensInErrors has both engines fail in many ways over what holds a token, and looks for it in
// every file, in all that the daemon answers and in its log.
func TestTokensInErrors(t *testing.T) {
	t.Parallel()
	withEngines(t, tokensInErrors)
}

func tokensInErrors(t *testing.T, program string) {
	v := &vault{lab: newLabWith(t, program), aviary: aviary{tb: t}}
	registry := redirects(t)
	cert := &pem.Block{Type: "CERTIFICATE", Bytes: registry.Certificate().Raw}
	v.write("registry.pem", string(pem.EncodeToMemory(cert)))
	v.env = append(v.env, "SSL_CERT_FILE="+v.path("registry.pem"))
	files, names := map[string]string{}, []string{}
	texts, code := map[string]string{}, map[string]bool{}
	hcl := fmt.Sprintf(`data_dir = %q
runner {
  pass_env = ["TF_CLI_CONFIG_FILE"]
}
repository "infra" {
  url  = %q
  poll = "1s"
}
defaults {
  repository = "infra"
  engine     = %q
}
`, v.data, v.repo.Dir, v.engine)
	for i, e := range errorTokens {
		token := tokenOf(fmt.Sprintf("case%d", i))
		texts[e.name], code[e.name] = token, !e.given
		texts[e.name+" in base64"] = base64.RawStdEncoding.EncodeToString([]byte("bot:" + token))[6:18]
		host := strings.TrimPrefix(registry.URL, "https://")
		fill := strings.NewReplacer("HOST/SECRET", fmt.Sprintf("%s/case%d", host, i), "SECRET", token, "HOST",
			host).Replace
		text, variables := e.code, ""
		if e.given {
			text = "variable \"token\" {}\n" + text
			v.env = append(v.env, fmt.Sprintf("TOKEN_%d=%s", i, token))
			variables = fmt.Sprintf("  variables = { token = env(\"TOKEN_%d\") }\n", i)
		}
		files[e.name+"/main.tf"] = fill(text) + "\n"
		for name, content := range e.files {
			files[e.name+"/"+name] = fill(content)
		}
		hcl += fmt.Sprintf("workspace %q {\n  dir = %q\n%s}\n", e.name, e.name, variables)
		names = append(names, e.name)
	}
	v.repo.Commit("main", files)
	v.write("tfops.hcl", hcl)
	v.serve()
	for _, name := range names {
		v.until(name+" has failed", func() bool {
			return slices.ContainsFunc(v.runsOf(name), func(r api.Run) bool { return r.Status == "errored" })
		})
	}
	look := func(place string, b []byte, asPushed bool) {
		v.places++
		for name, text := range texts {
			of, _, _ := strings.Cut(name, " in ")
			if asPushed && code[of] {
				continue
			}
			if i := bytes.Index(b, []byte(text)); i >= 0 {
				t.Errorf("%s holds %s: …%s…", place, name, b[max(0, i-200):min(len(b), i+len(text)+60)])
			}
		}
	}
	v.tokensShown(look, names)
	v.terminate()
	v.tokensKept(look)
	look("the daemon's log", []byte(v.log()), false)
	if v.places < 100 {
		t.Errorf("only %d places were searched", v.places)
	}
}

// tokensShown looks at what commands print and the daemon answers of workspaces.
func (v *vault) tokensShown(look func(string, []byte, bool), names []string) {
	v.t.Helper()
	c := v.wire()
	defer c.CloseIdleConnections()
	for _, name := range names {
		for _, format := range []string{"table", "json"} {
			a := v.command("status", name, "-o", format)
			look("status "+name, []byte(a.out+a.errout), false)
		}
		for _, r := range v.runsOf(name) {
			a := v.command("show", r.ID)
			look("show of "+name, []byte(a.out+a.errout), false)
			for _, p := range []string{"runs/" + r.ID, "runs/" + r.ID + "/log"} {
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
				look("GET "+p+" of "+name, b.Bytes(), false)
			}
		}
	}
	for _, command := range []string{"status", "runs", "audit"} {
		a := v.command(command, "-o", "json")
		look(command, []byte(a.out+a.errout), false)
	}
}

// tokensKept looks into every file of the data directory. What was pushed lies in some of them.
func (v *vault) tokensKept(look func(string, []byte, bool)) {
	v.t.Helper()
	err := filepath.WalkDir(v.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, _ := filepath.Rel(v.data, path)
		parts := strings.Split(rel, "/")
		b, err := os.ReadFile(path)
		pushed := parts[0] == "repos" || parts[0] == "cache" ||
			len(parts) > 2 && (parts[2] == "ground" || parts[2] == "tree")
		if !(parts[0] == "workspaces" && len(parts) > 2 && parts[2] == "engine") {
			look(rel, b, pushed)
		}
		return err
	})
	if err != nil {
		v.t.Fatal(err)
	}
}

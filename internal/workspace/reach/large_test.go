package reach

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tfops/tfops/internal/workspace"
)

// vast says that some of its files are of any size, and cannot read them.
type vast struct{ fstest.MapFS }

type vastInfo struct{ fs.FileInfo }

func (vastInfo) Size() int64 { return 1 << 40 }

func (v vast) ReadFile(name string) ([]byte, error) {
	if strings.Contains(name, "vast") {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	return v.MapFS.ReadFile(name)
}

func (v vast) Stat(name string) (fs.FileInfo, error) {
	info, err := v.MapFS.Stat(name)
	if err == nil && strings.Contains(name, "vast") {
		info = vastInfo{info}
	}
	return info, err
}

// A file that is too large to be parsed is never read, whatever it is, and is the affair of
// the workspaces that read it alone.
func TestVastFilesAreNotRead(t *testing.T) {
	tree := vast{fstest.MapFS{}}
	for name, text := range map[string]string{
		"code/main.tf": "locals {}\n", "code/vast.tf": "", "json/vast.tf.json": "",
		"vars/main.tf": "variable \"f\" {}\n", "vars/vast.auto.tfvars": "",
		"data/main.tf": "locals {\n  d = jsondecode(file(\"../shared/vast.json\"))\n}\nresource " +
			"\"terraform_data\" \"a\" {\n  input = file(local.d[0])\n}\n",
		"template/main.tf": "output \"x\" {\n  value = templatefile(\"../shared/vast.tpl\", {})\n}\n",
		"shared/vast.json": "", "shared/vast.tpl": "", "other/main.tf": "locals {}\n",
	} {
		tree.MapFS[name] = &fstest.MapFile{Data: []byte(text)}
	}
	var ws []workspace.Workspace
	for _, dir := range []string{"code", "json", "vars", "data", "template", "other"} {
		ws = append(ws, workspace.Workspace{Name: dir, Dir: dir, Engine: "terraform"})
	}
	g := NewIndex().Graph(tree, ws)
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	touched := map[string]bool{}
	for _, at := range g.Affected([]string{"somewhere/x.txt"}) {
		touched[at.Workspace] = true
	}
	// What may name any file in a text that was not read depends on all of them.
	for name, want := range map[string]bool{"code": true, "json": true, "data": true, "other": false} {
		if touched[name] != want {
			t.Errorf("%s is touched by any file: %v, want %v", name, touched[name], want)
		}
	}
	for _, c := range []struct{ path, workspace string }{{"shared/vast.json", "data"}, {"shared/vast.tpl", "template"},
		{"vars/vast.auto.tfvars", "vars"}} {
		found := false
		for _, at := range g.Affected([]string{c.path}) {
			found = found || at.Workspace == c.workspace
		}
		if !found {
			t.Errorf("%s does not touch %s", c.path, c.workspace)
		}
	}
}

package reach

import (
	"path"
	"strings"

	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

// variables covers a workspace's files of variables, and takes the values that
// they and the workspace give, in the engine's order: the last one counts.
func (b *builder) variables(w workspace.Workspace) {
	for k, v := range w.Env {
		if name, ok := strings.CutPrefix(k, "TF_VAR_"); ok {
			b.give(name, envValue(v.Value))
		}
	}
	for _, p := range b.autoFiles() {
		b.varFile(p)
	}
	for _, f := range w.VarFiles {
		why := Link{What: "var_files of " + w.Name}
		if p, ok := join(b.dir, f); ok {
			b.path(b.dir+"/"+f, Variables, 0, why)
			b.varFile(p)
		}
	}
	for _, f := range w.BackendConfigFiles {
		b.path(b.dir+"/"+f, Read, 0, Link{What: "backend_config_files of " + w.Name})
	}
	for name, v := range w.Variables {
		b.give(name, convertValue(v))
	}
	for name := range w.Inputs {
		b.give(name, hole)
	}
	b.envs[0].values = b.given
}

// autoFiles are the files of variables that the engine finds by itself, in its
// order.
func (b *builder) autoFiles() (out []string) {
	n := b.graph.root.at(b.mods[0].dir)
	if n == nil {
		return nil
	}
	var names []string
	for _, f := range n.files {
		names = append(names, f.name)
	}
	for _, name := range rootmodule.AutoVars(names) {
		out = append(out, path.Join(b.mods[0].dir, name))
	}
	return out
}

// varFile takes the values of a file of variables.
func (b *builder) varFile(p string) {
	real, _, err := b.graph.root.resolve(p)
	if err != nil {
		return
	}
	l := b.graph.root.leafAt(real)
	if l == nil {
		return
	}
	f := b.scan.read(real, l.hash, kindOf(p))
	if f.unread != "" { // encrypted, perhaps: it may give any variable any value
		b.envs[0].unsure, b.envs[0].sure = true, map[string]bool{}
		return
	}
	for _, v := range f.values {
		b.give(v.name, v.expr)
	}
}

// give sets a variable of the root module. The last value counts.
func (b *builder) give(name string, value *expr) {
	b.given[name] = value
	if b.envs[0].sure != nil {
		b.envs[0].sure[name] = true
	}
}

// envValue is the value of a variable in the environment: an expression where
// the type of the variable says so, else text.
func envValue(value string) *expr {
	if !strings.HasPrefix(value, "[") && !strings.HasPrefix(value, "{") {
		return text(value)
	}
	e, err := rootmodule.ParseExpression([]byte(value))
	if err != nil {
		return text(value)
	}
	return &expr{op: opEither, args: []*expr{text(value), convertExpr(e, nil)}}
}

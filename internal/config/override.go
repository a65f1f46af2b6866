package config

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/lazily"
	"github.com/tfops/tfops/internal/workspace"
)

// backendBlock is the type of the block that takes the place of the code's backend.
const backendBlock = "backend"

// backendTypes are the backends that engines have; to suggest what was meant, not
// to refuse one that a newer engine brings.
var backendTypes = []string{"azurerm", "consul", "cos", "gcs", "http", "kubernetes", "local", "oci", "oss", "pg", "s3"}

var backendType = lazily.Pattern(`^[a-z][a-z0-9_]*$`)

// override reads what takes the place of the code's backend: `backend = "managed"`,
// or a block with a backend's type and settings.
func (r *reader) override(b block, s *settings) {
	if a, ok := b.body.Attributes["backend_config"]; ok {
		s.backendConfigRange = a.NameRange
	}
	if s.backend.set && s.backend.val != workspace.ManagedBackend {
		r.errorAt(s.backend.rng, "unknown value "+quote(s.backend.val), "backend is \"managed\", and tfops keeps the state; a backend of another type is a block: backend \"s3\" { … }")
	}
	for _, o := range b.blocks(backendKind) {
		if s.backend.set {
			r.errorAt(o.header, "two backends", "backend = %q has tfops keep the state, and this block puts it elsewhere. Remove one of them.", s.backend.val)
		}
		r.checkBackendType(o)
		s.backend, s.override = field[string]{val: o.name, set: o.name != "", rng: o.label}, r.settingsOf(o)
	}
	switch at := s.backendConfigRange; {
	case !s.backend.set:
	case at.Filename != "" && s.backend.val == workspace.ManagedBackend:
		r.errorAt(at, "settings of no backend", "With backend = \"managed\" tfops keeps the state, and there is no backend that they could belong to. Remove backend_config.")
	case at.Filename != "":
		r.errorAt(at, "settings beside a backend block", "backend_config completes the backend of the code, which the block backend %q takes the place of. Write them into that block.", s.backend.val)
	case s.backendConfigFiles.set && s.backend.val == workspace.ManagedBackend:
		r.errorAt(s.backendConfigFiles.rng, "settings of no backend", "With backend = \"managed\" tfops keeps the state, and there is no backend that they could belong to. Remove backend_config_files.")
	}
}

func (r *reader) checkBackendType(o block) {
	switch {
	case o.name == "": // takeLabel has reported it
	case o.name == workspace.ManagedBackend:
		r.errorAt(o.label, "managed is no type of backend", "To have tfops keep the state, write: backend = \"managed\"")
	case o.name == "cloud" || o.name == "remote":
		r.errorAt(o.label, "backend whose plans are made elsewhere", "Plans of a %s backend are made and applied on its server, and not here. Write backend = \"managed\", or a backend that only keeps states.", o.name)
	case !backendType().MatchString(o.name):
		r.errorAt(o.label, "not a type of backend", "The label is the type of a backend, as in backend \"s3\" { … }.")
	case !slices.Contains(backendTypes, o.name) && workspace.Nearest(o.name, backendTypes) != "":
		r.errorAt(o.label, "unknown backend "+quote(o.name), "No engine has a backend of this type.%s", didYouMean(o.name, backendTypes))
	}
}

// settingsOf are the settings in a backend block.
func (r *reader) settingsOf(o block) map[string]cty.Value {
	written := entries{}
	for _, name := range slices.Sorted(maps.Keys(o.body.Attributes)) {
		a := o.body.Attributes[name]
		v, ok := r.evaluate(a.Expr)
		written[name] = entry{val: v, ok: ok, rng: a.NameRange, name: quote(name)}
	}
	return r.valuesOf(written, "invalid name of a setting", "is no setting of any backend")
}

// backendOver is what s and the defaults say of the backend together. Settings of
// the code's backend do not belong to one that takes its place, nor those of one
// type to another.
func (s settings) backendOver(d settings) (backend field[string], override, config map[string]cty.Value, files field[[]item]) {
	switch {
	case !s.backend.set && !d.backend.set:
		return backend, nil, merged(d.backendConfig, s.backendConfig), s.backendConfigFiles.or(d.backendConfigFiles)
	case !s.backend.set && d.backend.val == workspace.ManagedBackend:
		return d.backend, nil, nil, files
	case !s.backend.set || s.backend.val == d.backend.val:
		return s.backend.or(d.backend), merged(d.override, s.override), nil, s.backendConfigFiles.or(d.backendConfigFiles)
	}
	return s.backend, s.override, nil, s.backendConfigFiles
}

// checkOverridden reports settings for the code's backend in a workspace in which
// the defaults have another one take its place.
func (r *reader) checkOverridden(own, defaults settings) {
	if own.backend.set || !defaults.backend.set {
		return
	}
	at, attr := own.backendConfigRange, "backend_config"
	if at.Filename == "" && own.backendConfigFiles.set && defaults.backend.val == workspace.ManagedBackend {
		at, attr = own.backendConfigFiles.rng, "backend_config_files"
	}
	if at == (hcl.Range{}) {
		return
	}
	instead := "Write a block backend " + quote(defaults.backend.val) + " { … } here: it is merged with that of defaults."
	if defaults.backend.val == workspace.ManagedBackend {
		instead = "Write a block backend \"TYPE\" { … } here to keep this state elsewhere."
	}
	r.errorAt(at, "settings of a backend that is not used", "%s completes the backend of the code, which the backend in defaults takes the place of. %s", attr, instead)
}

package workspaces

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/workspace"
)

// backendTypes are the backends that engines have; to suggest what was meant, not
// to refuse one that a newer engine brings.
var backendTypes = []string{"azurerm", "consul", "cos", "gcs", "http", "kubernetes", "local", "oci", "oss", "pg", "s3"}

var backendType = lazyregexp.New(`^[a-z][a-z0-9_]*$`)

const (
	managed        = workspace.ManagedBackend
	invalidSetting = "invalid name of a setting"
	noSetting      = "is no setting of any backend"
)

// override reads what takes the place of the code's backend: `backend = "managed"`,
// or a block with a backend's type and settings.
func (r reader) override(b decode.Block, s *settings) {
	if a, ok := b.Body.Attributes["backend_config"]; ok {
		s.backendConfigRange = a.NameRange
	}
	backend := s.text["backend"]
	if backend.Set && backend.Val != managed {
		r.Errorf(backend.Range, "unknown value "+strconv.Quote(backend.Val), "backend is \"managed\", "+
			"and tfops keeps the state; a backend of another type is a block: backend \"s3\" { … }")
	}
	for _, o := range b.Blocks(schema.Backend) {
		if backend.Set {
			r.Errorf(o.Header, "two backends", "backend = %q has tfops keep the state, and this block puts it "+
				"elsewhere. Remove one of them.", backend.Val)
		}
		r.checkBackendType(o)
		backend = decode.Field[string]{Val: o.Name, Set: o.Name != "", Range: o.Label}
		s.override = r.values(o.Attributes(), invalidSetting, noSetting)
	}
	s.text["backend"] = backend
	const keeps = "With backend = \"managed\" tfops keeps the state, " +
		"and there is no backend that they could belong to. "
	files := s.list["backend_config_files"]
	switch at := s.backendConfigRange; {
	case !backend.Set:
	case at.Filename != "" && backend.Val == managed:
		r.Errorf(at, "settings of no backend", keeps+"Remove backend_config.")
	case at.Filename != "":
		r.Errorf(at, "settings beside a backend block", "backend_config completes the backend of the code, which the "+
			"block backend %q takes the place of. Write them into that block.", backend.Val)
	case files.Set && backend.Val == managed:
		r.Errorf(files.Range, "settings of no backend", keeps+"Remove backend_config_files.")
	}
}

func (r reader) checkBackendType(o decode.Block) {
	switch {
	case o.Name == "": // it has no label, which was reported
	case o.Name == managed:
		r.Errorf(o.Label, "managed is no type of backend", "To have tfops keep the state, write: backend = \"managed\"")
	case o.Name == "cloud" || o.Name == "remote":
		r.Errorf(o.Label, "backend whose plans are made elsewhere", "Plans of a %s backend are made and applied on "+
			"its server, and not here. Write backend = \"managed\", or a backend that only keeps states.", o.Name)
	case !backendType().MatchString(o.Name):
		r.Errorf(o.Label, "not a type of backend", "The label is the type of a backend, as in backend \"s3\" { … }.")
	case !slices.Contains(backendTypes, o.Name):
		if nearest := problems.DidYouMean(o.Name, backendTypes); nearest != "" {
			r.Errorf(o.Label, "unknown backend "+strconv.Quote(o.Name),
				"No engine has a backend of this type.%s", nearest)
		}
	}
}

// mergeBackend sets what own settings and the defaults say of the backend
// together. Settings of the code's backend do not belong to one that takes its
// place, nor those of one type to another.
func (s *settings) mergeBackend(own, defaults settings) {
	const files = "backend_config_files"
	mine, theirs := own.text["backend"], defaults.text["backend"]
	switch {
	case !mine.Set && !theirs.Set:
		s.backendConfig = merged(defaults.backendConfig, own.backendConfig)
	case !mine.Set && theirs.Val == managed:
		delete(s.list, files)
	case !mine.Set || mine.Val == theirs.Val:
		s.override = merged(defaults.override, own.override)
	default:
		s.override, s.list[files] = own.override, own.list[files]
	}
}

// checkOverridden reports settings for the code's backend in a workspace in which
// the defaults have another one take its place.
func (r reader) checkOverridden(own, defaults settings) {
	backend, files := defaults.text["backend"], own.list["backend_config_files"]
	if own.text["backend"].Set || !backend.Set {
		return
	}
	at, attr := own.backendConfigRange, "backend_config"
	if at.Filename == "" && files.Set && backend.Val == managed {
		at, attr = files.Range, "backend_config_files"
	}
	if at == (hcl.Range{}) {
		return
	}
	instead := fmt.Sprintf("Write a block backend %q { … } here: it is merged with that of defaults.", backend.Val)
	if backend.Val == managed {
		instead = "Write a block backend \"TYPE\" { … } here to keep this state elsewhere."
	}
	r.Errorf(at, "settings of a backend that is not used", "%s completes the backend of the code, "+
		"which the backend in defaults takes the place of. %s", attr, instead)
}

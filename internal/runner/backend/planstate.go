package backend

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"

	"github.com/tfops/tfops/internal/plan"
)

// What an engine keeps in a saved plan, which is a ZIP archive, of the state: as it was
// found, and as it is after refreshing. Of a state in a backend only the second has the
// serial and the lineage, and only the first what is gone from the world.
const (
	foundState     = "tfstate-prev"
	refreshedState = "tfstate"
)

// maxPlannedState bounds how much of a state is read out of a plan.
const maxPlannedState = 512 << 20

// PlannedOn is the state that a saved plan stands on; nil where that cannot be told, as of
// a plan that OpenTofu has encrypted.
func PlannedOn(saved []byte) *plan.State {
	archive, err := zip.NewReader(bytes.NewReader(saved), int64(len(saved)))
	if err != nil {
		return nil
	}
	heads := map[string]*plan.State{}
	for _, f := range archive.File {
		if f.Name == foundState || f.Name == refreshedState {
			if heads[f.Name] = headIn(f); heads[f.Name] == nil {
				return nil
			}
		}
	}
	found, refreshed := heads[foundState], heads[refreshedState]
	if found == nil || refreshed == nil {
		return nil
	}
	refreshed.Resources = found.Resources
	return refreshed
}

func headIn(f *zip.File) *plan.State {
	r, err := f.Open()
	if err != nil {
		return nil
	}
	defer r.Close()
	var doc stateHead
	if json.NewDecoder(io.LimitReader(r, maxPlannedState)).Decode(&doc) != nil || doc.Version == 0 ||
		len(doc.Lineage) > maxLineage {
		return nil
	}
	return &plan.State{Serial: doc.Serial, Lineage: doc.Lineage, Resources: doc.managed()}
}

package report

import (
	"time"

	"github.com/tfops/tfops/internal/codelink"
	"github.com/tfops/tfops/internal/drift"
)

// Input is all that a report is made of. Everything in it is redacted already.
type Input struct {
	ID       string         // of the report; unique
	Name     string         // of its report block; empty: somebody asked for it
	At       time.Time      // when it is made
	Since    time.Time      // begin of its window, as a rule the last report of this name
	Last     bool           // that is when the last report was made
	Location *time.Location // in which days and times are told; nil: UTC
	Instance Instance

	Workspaces []Workspace // that the report is of
	// Findings are of those workspaces: the open ones, whatever their life, and those that were
	// resolved in the last 90 days: the report lists the ones resolved in its
	// window, and takes sums and means from all.
	Findings []drift.Finding
	// Checks are of them, too: those of the last 90 days and the newest of each workspace,
	// however old, in any order.
	Checks []drift.Check
	Ignore []drift.Ignore // the rules of the configuration, expired ones too

	Unreadable []Unreadable // repositories; their counts and times are filled in
	Unowned    []Unowned
}

// Instance names the tfops that made the report.
type Instance struct {
	Name    string `json:"name,omitempty"`    // as its people call it
	URL     string `json:"url,omitempty"`     // of its page; empty: it has none that can be reached
	Version string `json:"version,omitempty"` // of tfops
	Sandbox string `json:"sandbox,omitempty"` // what people should know of how it shuts engines in
}

// Workspace is what the report has to know of a workspace besides its checks.
type Workspace struct {
	Name       string
	Repository string
	Branch     string
	Dir        string
	Labels     map[string]string
	Applied    string // commit that is applied; empty: none
	Head       string // commit that is wanted
	Links      codelink.Templates
	// Schedule and Timezone are those of its checks, as in the configuration;
	// an empty schedule is none.
	Schedule, Timezone string
	NeverApplied       bool
	// Unknown says why what the last check found does not hold any more, as
	// after an apply that ended halfway; empty: it holds.
	Unknown string
}

package drift

import "time"

// Outcome is what a check came to.
type Outcome string

const (
	Clean      Outcome = "clean"
	Drifted    Outcome = "drifted"
	NotChecked Outcome = "unchecked"     // it failed, or could not be made: never the same as clean
	NothingYet Outcome = "never_applied" // nothing is applied, so nothing can drift
)

// Check is one check of a workspace, as it is remembered.
type Check struct {
	Workspace string        `json:"workspace"`
	Run       string        `json:"run,omitempty"` // empty: it could not even be begun
	At        time.Time     `json:"at"`
	Took      time.Duration `json:"took,omitempty"`
	Commit    string        `json:"commit,omitempty"` // the applied one, which the world was held against
	Head      string        `json:"head,omitempty"`   // the one that is wanted, when it is another
	// HeadPlanned says that there was a plan at Head to tell causes apart with.
	// Without one, nothing is known of what only Head explains.
	HeadPlanned bool          `json:"head_planned,omitempty"`
	LastApply   string        `json:"last_apply,omitempty"` // run that applied last before this check
	LastApplyAt time.Time     `json:"last_apply_at,omitzero"`
	Outcome     Outcome       `json:"outcome"`
	Why         string        `json:"why,omitempty"` // of unchecked
	Resources   int           `json:"resources"`     // managed resource instances that were compared; of an apply, that it left
	Blind       []Blind       `json:"blind,omitempty"`
	Counts      map[Class]int `json:"counts,omitempty"` // differences by class, ignored ones too
	// Open is how many findings of the workspace were open after the check, but for those that a rule ignores, commits
	// that wait, and the word that it could not look. It is what trends are made of: findings themselves forget.
	Open map[Severity]int `json:"open,omitempty"`
}

// Blind is something in a workspace that no check can see.
type Blind struct {
	Address string `json:"address"`       // of a resource; empty: the whole workspace
	What    string `json:"what"`          // e.g. "write-only argument password_wo"
	Why     string `json:"why,omitempty"` // for a person
}

// Concluded is a check with what it came to: found is what it found, findings
// are the workspace's after it. One that looked is drifted where a finding
// stands that no rule ignores and that is more than a commit on its way.
func (c Check) Concluded(found []Difference, findings []Finding) Check {
	c.Counts, c.Open = nil, nil
	for _, d := range found {
		if c.Counts == nil {
			c.Counts = map[Class]int{}
		}
		c.Counts[d.Class]++
	}
	stands := false
	for _, f := range findings {
		if f.Workspace != c.Workspace || !f.Open() || f.Life == Ignored || f.Class == Unchecked ||
			f.Class == PendingCommit {
			continue
		}
		stands = stands || f.Stands()
		if c.Open == nil {
			c.Open = map[Severity]int{}
		}
		c.Open[f.Severity]++
	}
	if c.Outcome == Clean && stands {
		c.Outcome = Drifted
	}
	return c
}

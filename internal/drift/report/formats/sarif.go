package formats

import (
	"cmp"
	"io"
	"iter"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/documents"
	"github.com/tfops/tfops/internal/drift/report/wording"
	"github.com/tfops/tfops/internal/term"
)

// SARIF 2.1.0, the part that is used:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

// sarifRun is one repository: files are named relative to its root.
type sarifRun struct {
	Tool       sarifTool        `json:"tool"`
	Automation sarifAutomation  `json:"automationDetails"`
	Bases      map[string]any   `json:"originalUriBaseIds"`
	Column     string           `json:"columnKind"`
	Results    []sarifResult    `json:"results"`
	Properties *sarifProperties `json:"properties,omitempty"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Short sarifText `json:"shortDescription"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifAutomation struct {
	ID string `json:"id"`
}

type sarifResult struct {
	Rule         string             `json:"ruleId"`
	Index        int                `json:"ruleIndex"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Baseline     string             `json:"baselineState,omitempty"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	Properties   sarifProperties    `json:"properties"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI  string `json:"uri"`
	Base string `json:"uriBaseId"`
}

type sarifRegion struct {
	Line int `json:"startLine"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

type sarifProperties struct {
	Workspace  string   `json:"workspace,omitempty"`
	Repository string   `json:"repository,omitempty"`
	Severity   string   `json:"severity,omitempty"`
	Life       string   `json:"life,omitempty"`
	Owners     []string `json:"owners,omitempty"`
	Commands   []string `json:"commands,omitempty"`
}

// sarif writes a run for each repository, with a result for each finding that
// is open or ignored and for each workspace that could not be checked. What
// was acknowledged or ignored is suppressed, not left out.
func sarif(w io.Writer, r *report.Report) error {
	by := map[string][]*report.Section{}
	var names []string
	for i := range r.Workspaces {
		s := &r.Workspaces[i]
		if by[s.Repository] == nil {
			names = append(names, s.Repository)
		}
		by[s.Repository] = append(by[s.Repository], s)
	}
	if len(names) == 0 {
		names = []string{""}
	}
	slices.Sort(names)
	log := sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{}}
	j := newJSONWriter(w)
	j.splice(log, `"runs": []`, func(yield func(any) bool) {
		for _, name := range names {
			run := func() { j.splice(sarifOf(r, name), `"results": []`, results(by[name])) }
			if !yield(run) {
				return
			}
		}
	})
	return j.end()
}

// sarifOf is the run of a repository without its results.
func sarifOf(r *report.Report, repository string) sarifRun {
	out := sarifRun{Tool: sarifTool{sarifDriver{Name: "tfops", Version: term.Clean(r.Instance.Version),
		Rules: sarifRules()}},
		Automation: sarifAutomation{path.Join("tfops", "drift", url.PathEscape(repository)) + "/"},
		Bases:      map[string]any{"%SRCROOT%": map[string]any{"description": sarifText{"the root of the repository"}}},
		Column:     "unicodeCodePoints", Results: []sarifResult{}}
	if repository != "" {
		out.Properties = &sarifProperties{Repository: term.Clean(repository)}
	}
	return out
}

// results are those of a repository.
func results(sections []*report.Section) iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, s := range sections {
			if s.Outcome == drift.NotChecked && !yield(uncheckedResult(s)) {
				return
			}
			for _, list := range [][]report.Finding{s.Findings, s.Pending, s.Ignored} {
				for i := range list {
					if !yield(findingResult(s, &list[i])) {
						return
					}
				}
			}
		}
	}
}

func sarifRules() []sarifRule {
	var out []sarifRule
	for _, c := range drift.Classes() {
		out = append(out, sarifRule{ID: string(c), Name: camel(string(c)), Short: sarifText{report.Meaning(c)}})
	}
	return out
}

// camel is a word such as state_only as StateOnly.
func camel(s string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(s, "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

func uncheckedResult(s *report.Section) sarifResult {
	return sarifResult{Rule: string(drift.Unchecked), Index: slices.Index(drift.Classes(), drift.Unchecked),
		Level:        "error",
		Message:      sarifText{sarifPlain("Workspace " + s.Name + " is unchecked: " + s.Why + ". Next: " + s.Next)},
		Locations:    []sarifLocation{{location(s, "", 0), []sarifLogical{{term.Clean(s.Name), "namespace"}}}},
		Fingerprints: map[string]string{"tfopsFinding/v1": drift.ID(s.Name, s.Name, drift.Unchecked)},
		Properties: sarifProperties{Workspace: term.Clean(s.Name), Severity: string(drift.High),
			Commands: []string{term.Clean(s.Next)}}}
}

func findingResult(s *report.Section, f *report.Finding) sarifResult {
	out := sarifResult{Rule: string(f.Class), Index: slices.Index(drift.Classes(), f.Class),
		Level: sarifLevels[f.Severity], Message: sarifText{message(f)},
		Locations: []sarifLocation{{location(s, f.File, f.Line),
			[]sarifLogical{{term.Clean(f.Address), "resource"}}}},
		Fingerprints: map[string]string{"tfopsFinding/v1": f.ID}, Baseline: "unchanged",
		Properties: sarifProperties{Workspace: term.Clean(s.Name), Severity: string(f.Severity), Life: string(f.Life),
			Owners: wording.Cleaned(f.Owners)}}
	if f.New {
		out.Baseline = "new"
	}
	for _, w := range f.WaysOut {
		out.Properties.Commands = append(out.Properties.Commands, term.Clean(w.Command))
	}
	switch {
	case f.Life == drift.Ignored:
		out.Suppressions = []sarifSuppression{{"external", "accepted",
			term.Clean("ignored by the rule " + strings.Join(f.IgnoredBy, ", "))}}
	case f.Life == drift.Acknowledged && f.Ack != nil:
		out.Suppressions = []sarifSuppression{{"external", "accepted",
			term.Clean("acknowledged by " + f.Ack.By + ": " + f.Ack.Reason)}}
	}
	return out
}

var sarifLevels = map[drift.Severity]string{drift.Critical: "error", drift.High: "error", drift.Medium: "warning",
	drift.Low: "note"}

// message tells the finding in one paragraph.
func message(f *report.Finding) string {
	var b strings.Builder
	b.WriteString(f.Address + " is " + string(f.Class) + ". " + f.Meaning)
	for i, a := range f.Attributes {
		if i == 5 {
			b.WriteString(" And " + wording.Count(len(f.Attributes)-i+f.More, "more attribute") + ".")
			break
		}
		b.WriteString(" " + documents.AttributeLine(a) + ".")
	}
	for _, p := range f.Problems {
		b.WriteString(" " + p)
	}
	return sarifPlain(b.String())
}

// sarifPlain is text for a message, in which SARIF would read "[text](target)"
// as a link.
func sarifPlain(s string) string { return strings.ReplaceAll(term.Clean(s), "](", "] (") }

// location is where something is written; without a file, the directory of the
// workspace.
func location(s *report.Section, file string, line int) sarifPhysical {
	out := sarifPhysical{Artifact: sarifArtifact{Base: "%SRCROOT%"}}
	if line > 0 && file != "" {
		out.Region = &sarifRegion{line}
	}
	name := cmp.Or(file, strings.TrimSuffix(s.Dir, "/")+"/")
	if name = strings.TrimLeft(name, "/"); name == "" || name == "./" {
		name = "."
	}
	out.Artifact.URI = uri(name)
	return out
}

// uri is a path as a relative reference: no part of it can be read as a scheme,
// a host, a query or a fragment.
func uri(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(p), ":", "%3A")
	}
	return strings.Join(parts, "/")
}

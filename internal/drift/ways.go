package drift

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/plan"
)

// meanings say in a sentence what each class is, for people.
var meanings = map[Class]string{
	Changed:    "the world differs from what was applied, and the next apply would put it back",
	Deleted:    "it is gone from the world, and the next apply would make it again",
	Follows:    "nothing of it changed outside: it changes only because of a resource that did, and goes with it",
	Conflict:   "the world differs, and a commit that is not applied yet wants a third value",
	PreApplied: "the world is already what a commit that is not applied yet wants",
	StateOnly:  "the world differs from the state, and the configuration does not say how it should be",
	Input: "nothing changed outside: a data source, a variable, a default, a module or the provider made " +
		"the difference",
	PendingCommit:    "only a commit that is not applied yet explains it",
	AppliedElsewhere: "another hand than tfops applied it, and wrote it into the state",
	HalfApplied:      "a run left it that failed or was interrupted halfway",
	Perpetual:        "the same change comes back right after an apply",
	CheckFailed:      "a check block or a condition does not hold",
	Unchecked:        "the check itself failed, so nothing is known",
}

// Meaning is the class in a sentence, to stand after a colon.
func (c Class) Meaning() string { return meanings[c] }

// maxFollowed is how many of the resources that something follows a sentence names.
const maxFollowed = 5

// Meaning is that of its class, with what it follows, or who wrote it.
func (d Difference) Meaning() string {
	switch {
	case d.Class == AppliedElsewhere && d.Written != nil:
		return d.Class.Meaning() + d.Written.when()
	case d.Class == HalfApplied && d.Written != nil && d.Written.Run != "":
		return "run " + d.Written.Run + " left it, which failed or was interrupted halfway"
	case len(d.Follows) == 0:
		return d.Class.Meaning()
	}
	named := strings.Join(d.Follows[:min(len(d.Follows), maxFollowed)], ", ")
	if more := len(d.Follows) - maxFollowed; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	return "nothing of it changed outside: it changes only because of " + named + ", and goes with it"
}

// when tells when another hand wrote.
func (w Written) when() string {
	text := ""
	if !w.After.IsZero() {
		text = ", after " + w.After.UTC().Format("2006-01-02 15:04:05 MST")
	}
	if w.Run != "" {
		text += fmt.Sprintf("; run %s had left serial %d, and it is %d now", w.Run, w.Was, w.Serial)
	}
	return text
}

// Way is what kind of thing can be done about a finding.
type Way string

// The four ways out of a finding, and what is left where none of them helps.
const (
	Revert Way = "revert" // the world is made to fit the code
	Codify Way = "codify" // the code is made to fit the world
	Accept Way = "accept" // the state is made to fit the world
	Leave  Way = "ignore" // reports are made to leave it out
	Again  Way = "check"  // a person mends it, and it is checked again
)

var ways = []Way{Revert, Codify, Accept, Leave, Again}

// Ways lists all kinds, in the order in which they are offered.
func Ways() []Way { return slices.Clone(ways) }

// WayOut is one thing that can be done about a finding.
type WayOut struct {
	Way     Way    `json:"way"`
	Note    string `json:"note"`           // what it does, in a sentence or two
	Command string `json:"command"`        // to copy
	Rule    string `json:"rule,omitempty"` // of Leave: the block for tfops.hcl
}

// Ways out by class. What would not help is not offered:
//
//	class           revert  codify  accept   ignore  check
//	changed         sync    yes     refresh  yes     -      accepted alone, the next plan puts it back
//	deleted         sync    yes     refresh  yes     -      accepted alone, the next plan makes it again
//	follows         sync    -       -        yes     -      it goes with what it follows
//	conflict        sync    yes(1)  -        yes     -      both sides changed: one has to win
//	pre_applied     -       -       sync     yes     -      the waiting commit asks for what is there
//	state_only      -       -       refresh  yes     -      no plan would put it back, and no code says it
//	input           sync    -       -        yes     -      there is nothing outside to take over
//	pending_commit  sync    -       -        -       -      it goes with the commit
//	applied_elsewhere  sync yes(2)  sync     yes     -      code that says it has to be pushed to accept it
//	half_applied    sync    -       sync     yes     -      back to the applied commit, or on to the wanted one
//	perpetual       -       -       -        yes     -      an apply does not last
//	check_failed    -       -       -        yes     yes    a person has to mend it
//	unchecked       -       -       -        -       yes    nobody can know it away
//
// (1) Unless the resource as a whole differs. (2) As (1). Codify needs something that is
// not sensitive. What a rule ignores already is not offered to be ignored.

// notes are the first three columns: what is not there is not offered.
var notes = map[Way]map[Class]string{
	Revert: {
		Changed:          "Put the world back to what the code says.",
		Deleted:          "Make it again.",
		Follows:          "Put the world back to what the code says, and it with that.",
		Conflict:         "Apply the waiting commit, over what was changed by hand.",
		Input:            "Apply what the code comes to now.",
		PendingCommit:    "Apply the waiting commit.",
		AppliedElsewhere: "Apply what the code says, over what was applied elsewhere.",
		HalfApplied:      "Push a revert of the commit that was half applied: its sync goes back to what was applied.",
	},
	Codify: {
		Changed:          "Print a patch after which the code says what the world has, checked by a plan.",
		Deleted:          "Print a patch that takes it out of the code, checked by a plan.",
		Conflict:         "Print a patch of the waiting commit so that it says what the world has, checked by a plan.",
		AppliedElsewhere: "Print a patch after which the code says what was applied there, checked by a plan.",
	},
	Accept: {
		Changed: "Take what the world has into the state. The next plan puts the old value back unless the code " +
			"is changed, too.",
		Deleted:          "Forget it in the state. The next plan makes it again unless it is taken out of the code.",
		PreApplied:       "Apply the waiting commit: it asks for what the world has already.",
		StateOnly:        "Take what the world has into the state, and change nothing else.",
		AppliedElsewhere: "Push the code that was applied there: its sync changes nothing, and takes it as applied.",
		HalfApplied:      "Apply the wanted commit: its sync goes on where that run stopped.",
	},
	Again: {
		CheckFailed: "Check again, once what the condition is about is mended.",
		Unchecked:   "Check again, once what made the check fail is mended.",
	},
}

// WaysOut lists what can be done about a finding, in the order of Ways. One
// that is resolved needs none. The rule that it proposes ends ignoreDays after
// now.
func (f Finding) WaysOut(now time.Time) []WayOut {
	var out []WayOut
	if !f.Open() {
		return out
	}
	for _, w := range ways {
		switch note := notes[w][f.Class]; {
		case w == Leave && f.Class != Unchecked && f.Class != PendingCommit && f.Life != Ignored:
			out = append(out, f.leave(now))
		case note != "" && (w != Codify || f.codifiable()):
			out = append(out, WayOut{Way: w, Note: note, Command: f.command(w)})
		}
	}
	return out
}

// command is that of a way other than Leave.
func (f Finding) command(w Way) string {
	switch {
	case w == Codify:
		return "tfops drift codify " + f.ID
	case w == Again:
		return CheckCommand(f.Workspace)
	case w == Accept && !slices.Contains([]Class{PreApplied, AppliedElsewhere, HalfApplied}, f.Class):
		return "tfops sync " + ShellWord(f.Workspace) + " --refresh-only"
	}
	return "tfops sync " + ShellWord(f.Workspace)
}

// codifiable reports whether anything of a finding could be written into code,
// or be taken out of it.
func (f Finding) codifiable() bool {
	if f.Class == Deleted {
		return true
	}
	return slices.ContainsFunc(f.Attributes, func(a Attribute) bool {
		return !a.Sensitive && (a.Path != "" || f.Class == Changed && f.Action == plan.Create)
	})
}

// leave is the way of leaving it: for a while by word, or for longer by a rule.
func (f Finding) leave(now time.Time) WayOut {
	w := WayOut{Way: Leave, Note: "Leave it for two weeks and say why, or write a rule into tfops.hcl.",
		Command: "tfops drift ack " + f.ID + ` -m "why it may stay" --until 14d`, Rule: f.IgnoreRule(now)}
	switch {
	case f.Life == Acknowledged:
		w.Note = "It is acknowledged: leave it for two weeks from now and say why, or write a rule into tfops.hcl."
	case w.Rule == "":
		w.Note = "Leave it for two weeks and say why."
	}
	return w
}

// Words are what stands beneath `tfops drift` as commands of their own: a workspace that is called like
// one is named after "--".
var Words = []string{"ack", "codify", "findings", "report", "reports", "show", "unack"}

// CheckCommand is the command that checks a workspace, with flags.
func CheckCommand(workspace string, flags ...string) string {
	words := append([]string{"tfops", "drift"}, flags...)
	if slices.Contains(Words, workspace) {
		return strings.Join(append(words, "--", workspace), " ")
	}
	return strings.Join(append([]string{"tfops", "drift", ShellWord(workspace)}, flags...), " ")
}

// ShellWord writes a word so that a shell takes it as it is.
func ShellWord(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("_@%+=:,./-", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

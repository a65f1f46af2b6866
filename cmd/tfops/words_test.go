package main

import (
	"slices"
	"testing"

	"github.com/tfops/tfops/internal/drift"
)

// A workspace may be called like any command beneath `tfops drift`: next steps name it so that it is
// taken for one.
func TestWordsOfDrift(t *testing.T) {
	cmd := newDriftCommand(&app{})
	var words []string
	for _, c := range cmd.Commands() {
		words = append(words, append(c.Aliases, c.Name())...)
	}
	slices.Sort(words)
	if !slices.Equal(words, drift.Words) {
		t.Errorf("drift.Words are %v, and the commands %v", drift.Words, words)
	}
	for _, word := range words {
		if found, args, err := cmd.Find([]string{"--", word}); err != nil || found != cmd ||
			!slices.Contains(args, word) {
			t.Errorf("tfops drift -- %s is %v %v, %v", word, found.Name(), args, err)
		}
		if got := drift.CheckCommand(word, "--wait"); got != "tfops drift --wait -- "+word {
			t.Errorf("the command is %s", got)
		}
	}
	if got := drift.CheckCommand("net", "--wait"); got != "tfops drift net --wait" {
		t.Errorf("the command is %s", got)
	}
}

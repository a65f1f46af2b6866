package sandbox

import (
	"fmt"
	"strconv"
	"strings"
)

// IDs are the ids of Unix users, and of groups, that engines may run as: from the first to the last.
type IDs struct{ First, Last int }

func (r IDs) String() string { return fmt.Sprintf("%d-%d", r.First, r.Last) }

// highestID that a user can have: the one above it means nobody.
const highestID = 1<<32 - 2

// fewestIDs that a range has: one for trials, and some for workspaces.
const fewestIDs = 16

// ParseIDs reads FIRST-LAST. why says, for people, what is wrong with it; empty where nothing is.
func ParseIDs(text string) (r IDs, why string) {
	first, last, _ := strings.Cut(text, "-")
	var err, lerr error
	r.First, err = strconv.Atoi(strings.TrimSpace(first))
	r.Last, lerr = strconv.Atoi(strings.TrimSpace(last))
	switch {
	case err != nil || lerr != nil:
		return IDs{}, "Write the first and the last number of a range, for example \"200000-265535\"."
	case r.First <= 0:
		return IDs{}, "A range cannot have the user 0, which is root."
	case r.Last > highestID:
		return IDs{}, fmt.Sprintf("No user has a higher number than %d.", highestID)
	case r.Last-r.First+1 < fewestIDs:
		return IDs{}, fmt.Sprintf("A range has at least %d numbers: each workspace gets one that no other one ever "+
			"gets.", fewestIDs)
	}
	return r, ""
}

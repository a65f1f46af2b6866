package codify

import "fmt"

// Refusal is one attribute that is not codified.
type Refusal struct {
	Path string `json:"path"` // empty: the resource as a whole
	Why  string `json:"why"`
	File string `json:"file,omitempty"` // relative to the root of the repository; empty when no place is to blame
	Line int    `json:"line,omitempty"` // 1-based
	Next string `json:"next,omitempty"` // what a person can do instead
}

func refuse(why, next string) *Refusal { return &Refusal{Why: why, Next: next} }

// otherwise names the other way out of what can only be edited by hand.
func (r *Refusal) otherwise(path []step) *Refusal {
	if r != nil && r.Next == handwork {
		r.Next = fmt.Sprintf("%s, or let the engine leave it alone with lifecycle { ignore_changes = [%s] }", handwork, pathOf(path))
	}
	return r
}

const handwork = "edit it by hand"

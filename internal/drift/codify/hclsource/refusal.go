package hclsource

import "fmt"

// Refusal is one attribute that is not codified.
type Refusal struct {
	Path string `json:"path"` // empty: the resource as a whole
	Why  string `json:"why"`
	File string `json:"file,omitempty"` // relative to the root of the repository; empty when no place is to blame
	Line int    `json:"line,omitempty"` // 1-based
	Next string `json:"next,omitempty"` // what a person can do instead
}

func Refuse(why, next string) *Refusal { return &Refusal{Why: why, Next: next} }

// Otherwise names the other way out of what can only be edited by hand.
func (r *Refusal) Otherwise(path []Step) *Refusal {
	if r != nil && r.Next == Handwork {
		r.Next = fmt.Sprintf("%s, or let the engine leave it alone with lifecycle { ignore_changes = [%s] }", Handwork,
			PathOf(path))
	}
	return r
}

const Handwork = "edit it by hand"

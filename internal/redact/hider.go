package redact

import "strings"

// Hidden stands where a secret was.
const Hidden = "(sensitive value)"

// Hider takes secrets out of texts.
type Hider struct {
	within matcher
	whole  map[string]bool
	traces matcher // a text that holds none of these, as it is or as JSON, holds none of whole
}

// NewHider hides the first ones wherever they stand, in every form (see Parts and Forms),
// and the second ones where nothing else stands. A secret of less than Shortest bytes counts
// among the second ones, wherever it is given.
func NewHider(within, whole []string) *Hider {
	h := &Hider{whole: map[string]bool{}}
	for _, secret := range whole {
		h.whole[secret] = secret != ""
	}
	for _, secret := range within {
		for _, part := range Parts(secret) {
			h.whole[part] = true
			if len(part) < Shortest {
				continue
			}
			for _, form := range Forms(part) {
				h.within.add(form)
			}
		}
	}
	delete(h.whole, "")
	delete(h.whole, Hidden)
	for text := range h.whole {
		h.traces.add(text)
		h.traces.add(jsonInner(text, true))
		h.traces.add(jsonInner(text, false))
	}
	return h
}

// None reports whether there is nothing to hide.
func (h *Hider) None() bool { return len(h.whole) == 0 && h.within.none() }

// Is reports whether a text is a secret as a whole.
func (h *Hider) Is(text string) bool { return h.whole[text] }

// Text is a text without secrets. What stands for one already is left alone.
func (h *Hider) Text(text string) string {
	if h.whole[text] {
		return Hidden
	}
	if !strings.Contains(text, Hidden) {
		return h.within.replace(text, Hidden)
	}
	pieces := strings.Split(text, Hidden)
	for i, p := range pieces {
		pieces[i] = h.within.replace(p, Hidden)
	}
	return strings.Join(pieces, Hidden)
}

// Long reports whether a text is a secret as a whole, and one that is hidden within others, too.
func (h *Hider) Long(text string) bool { return h.whole[text] && h.within.at(text) == len(text) }

// In reports whether a text may hold a secret, even as JSON; false is certain.
func (h *Hider) In(text string) bool { return h.within.in(text) || h.traces.in(text) }

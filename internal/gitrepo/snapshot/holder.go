package snapshot

import (
	"slices"
	"sync"

	"github.com/tfops/tfops/internal/gitrepo/packs"
)

// Holder has the present view of a mirror, and closes the packs of earlier ones
// once nobody reads them any more. The zero value has read nothing yet.
type Holder struct {
	mu  sync.Mutex
	cur *View // nil until first read or fetched
}

// Acquire takes the present view, loading it from disk the first time. Whoever
// takes it releases it.
func (h *Holder) Acquire(dir string) (*View, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cur == nil {
		v, err := Load(dir, nil, false)
		if err != nil {
			return nil, err
		}
		h.put(v)
	}
	h.cur.users++
	return h.cur, nil
}

// Release gives a view back.
func (h *Holder) Release(v *View) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v.users--
	h.letGo(v)
}

// Packs are those of the present view.
func (h *Holder) Packs() []*packs.Pack {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cur == nil {
		return nil
	}
	return slices.Clone(h.cur.Packs)
}

// Install makes v the present view.
func (h *Holder) Install(v *View) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.put(v)
}

// Exchange makes v the present view once place has put it where the mirror is.
// Nobody loads a view meanwhile.
func (h *Holder) Exchange(v *View, place func() error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := place(); err != nil {
		return err
	}
	h.put(v)
	return nil
}

// Drop lets go of the present view. It is loaded again by whoever reads next.
func (h *Holder) Drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cur != nil {
		h.cur.retired = true
		h.letGo(h.cur)
		h.cur = nil
	}
}

// put makes v the present view. The caller holds mu.
func (h *Holder) put(v *View) {
	for _, p := range v.Packs {
		p.Users++
	}
	old := h.cur
	h.cur = v
	if old != nil {
		old.retired = true
		h.letGo(old)
	}
}

// letGo closes what only v still held. The caller holds mu.
func (h *Holder) letGo(v *View) {
	if !v.retired || v.users > 0 {
		return
	}
	for _, p := range v.Packs {
		if p.Users--; p.Users == 0 {
			p.Close()
		}
	}
	v.Packs = nil
}

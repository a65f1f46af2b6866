package gitrepo

import (
	"slices"
	"sync"

	"github.com/tfops/tfops/internal/gitrepo/packs"
)

// holder has the present view of a mirror, and closes the packs of earlier ones
// once nobody reads them any more. The zero value has read nothing yet.
type holder struct {
	mu  sync.Mutex
	cur *view // nil until first read or fetched
}

// acquire takes the present view, loading it from disk the first time. Whoever
// takes it releases it.
func (h *holder) acquire(dir string) (*view, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cur == nil {
		v, err := load(dir, nil, false)
		if err != nil {
			return nil, err
		}
		h.put(v)
	}
	h.cur.users++
	return h.cur, nil
}

func (h *holder) release(v *view) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v.users--
	h.letGo(v)
}

// packs are those of the present view.
func (h *holder) packs() []*packs.Pack {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cur == nil {
		return nil
	}
	return slices.Clone(h.cur.packs)
}

// install makes v the present view.
func (h *holder) install(v *view) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.put(v)
}

// exchange makes v the present view once place has put it where the mirror is.
// Nobody loads a view meanwhile.
func (h *holder) exchange(v *view, place func() error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := place(); err != nil {
		return err
	}
	h.put(v)
	return nil
}

// drop lets go of the present view. It is loaded again by whoever reads next.
func (h *holder) drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cur != nil {
		h.cur.retired = true
		h.letGo(h.cur)
		h.cur = nil
	}
}

// put makes v the present view. The caller holds mu.
func (h *holder) put(v *view) {
	for _, p := range v.packs {
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
func (h *holder) letGo(v *view) {
	if !v.retired || v.users > 0 {
		return
	}
	for _, p := range v.packs {
		if p.Users--; p.Users == 0 {
			p.Close()
		}
	}
	v.packs = nil
}

package decide

import (
	"math/rand/v2"
	"testing"
)

func TestFits(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name   string
		free   int64
		atWork []Engine
		needs  int64
		want   bool
	}{
		{"the first one always", 0, nil, 600 * mib, true},
		{"there is room", 2000 * mib, []Engine{{600 * mib, 600 * mib}}, 600 * mib, true},
		{"what is at work is about to take more", 1000 * mib, []Engine{{600 * mib, 100 * mib}}, 600 * mib, false},
		{"it has taken it", 1000 * mib, []Engine{{600 * mib, 600 * mib}}, 600 * mib, true},
		{"more than it was known for", 1000 * mib, []Engine{{600 * mib, 900 * mib}}, 600 * mib, true},
		{"the daemon's own is kept", 700 * mib, []Engine{{100 * mib, 100 * mib}}, 600 * mib, false},
	} {
		if got := Fits(c.free, c.atWork, c.needs); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// Whatever is asked for in whatever order: as long as engines take no more than they are known for, the
// memory of the machine is enough, but for one that goes alone.
func TestFitsIsNeverTooMuch(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		total := int64(r.IntN(8000)+100) << 20
		var atWork []Engine
		for range 200 {
			taken := int64(0)
			for i := range atWork { // each grows up to what it needs
				e := &atWork[i]
				e.Takes += r.Int64N(e.Needs - e.Takes + 1)
				taken += e.Takes
			}
			if taken > total && len(atWork) > 1 {
				t.Fatalf("seed %d: %d engines take %d of %d", seed, len(atWork), taken, total)
			}
			if needs := (r.Int64N(1500) + 1) << 20; Fits(total-taken, atWork, needs) {
				atWork = append(atWork, Engine{Needs: needs})
			}
			if len(atWork) > 0 && r.IntN(3) == 0 {
				i := r.IntN(len(atWork))
				atWork = append(atWork[:i], atWork[i+1:]...)
			}
		}
	}
}

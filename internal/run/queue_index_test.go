package run

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
)

// A queue answers the same with an index and without one.
func TestAnIndexedQueueAnswersTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var q Queue
		for i := range random.IntN(30) {
			q.Active = append(q.Active, Run{ID: fmt.Sprint(i), Workspace: string(rune('a' + random.IntN(5))), State: []string{"", "s", "t", "u"}[random.IntN(4)]})
		}
		indexed := q.Indexed()
		ids := func(runs iter.Seq[*Run], most int) (found []string) {
			for r := range runs {
				if found = append(found, r.ID); len(found) == most {
					break
				}
			}
			return found
		}
		for _, name := range []string{"a", "b", "e", "none"} {
			for _, state := range []string{"", "s", "u", "none"} {
				for _, most := range []int{1, 2, 100} {
					if got, want := ids(indexed.Beside(name, state), most), ids(q.Beside(name, state), most); !slices.Equal(got, want) {
						t.Fatalf("beside %s, %q: %v, want %v of %+v", name, state, got, want, q.Active)
					}
					if got, want := ids(indexed.OnState(state), most), ids(q.OnState(state), most); !slices.Equal(got, want) {
						t.Fatalf("on %q: %v, want %v", state, got, want)
					}
				}
			}
		}
	}
}

package limits

import (
	"math"
	"math/rand/v2"

	"golang.org/x/sys/unix"
)

// pin has what the calling thread starts run on as many processors as it may have, whole ones: for where no
// control group counts in fractions. It is a bound for honest code: a process may choose others.
func pin(cpu float64) {
	var all, some unix.CPUSet
	if cpu <= 0 || unix.SchedGetaffinity(0, &all) != nil {
		return
	}
	n := int(math.Ceil(cpu))
	if n >= all.Count() {
		return
	}
	var ids []int
	for id := 0; len(ids) < all.Count(); id++ {
		if all.IsSet(id) {
			ids = append(ids, id)
		}
	}
	first := rand.IntN(len(ids)) // engines of several phases are not to share the same few
	for i := range n {
		some.Set(ids[(first+i)%len(ids)])
	}
	_ = unix.SchedSetaffinity(0, &some)
}

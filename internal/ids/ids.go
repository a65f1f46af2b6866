// Package ids makes ids that sort as they were made.
package ids

import (
	"crypto/rand"
	"strings"
	"time"
)

// alphabet is Crockford's base 32 in lower case: no i, l, o or u, and in the
// order of ASCII, so that ids sort as they were made.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// epoch keeps the time part short; nine digits reach beyond the year 3000.
var epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

const timeDigits = 9

// New returns an id of twelve characters: nine for the time in milliseconds
// and three random ones. It sorts after last, whatever the clock says.
func New(now time.Time, last string) string {
	ms := max(now.Sub(epoch).Milliseconds(), 0)
	if len(last) >= timeDigits {
		ms = max(ms, decode(last[:timeDigits])+1)
	}
	var b [timeDigits + 3]byte
	for i := timeDigits - 1; i >= 0; i-- {
		b[i] = alphabet[ms&31]
		ms >>= 5
	}
	var r [3]byte
	rand.Read(r[:]) // never fails: see crypto/rand
	for i, x := range r {
		b[timeDigits+i] = alphabet[x&31]
	}
	return string(b[:])
}

func decode(s string) int64 {
	var ms int64
	for _, c := range s {
		ms = ms<<5 | int64(max(strings.IndexRune(alphabet, c), 0))
	}
	return ms
}

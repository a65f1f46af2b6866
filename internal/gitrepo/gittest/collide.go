package gittest

import (
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// Collide returns the texts of two commits, made of base and a number, whose
// ids share the first digits hexadecimal digits. Seven take about twenty
// thousand tries.
func Collide(base string, digits int) (string, string) {
	seen := map[string]string{}
	for n := 0; ; n++ {
		text := fmt.Sprintf("%s%d\n", base, n)
		id := plumbing.ComputeHash(plumbing.CommitObject, []byte(text)).String()[:digits]
		if other, ok := seen[id]; ok {
			return other, text
		}
		seen[id] = text
	}
}

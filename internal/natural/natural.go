// Package natural orders names as people do: numbers in them by their value, so that list[10] stands after list[2].
package natural

import (
	"cmp"
	"strings"
)

// Compare is strings.Compare, but for digits: runs of them are compared as numbers. Texts that differ are never
// equal.
func Compare(a, b string) int {
	restA, restB := a, b
	for restA != "" && restB != "" {
		textA, textB := prefix(restA, false), prefix(restB, false)
		if textA != textB {
			return strings.Compare(restA, restB)
		}
		restA, restB = restA[len(textA):], restB[len(textB):]
		digitsA, digitsB := prefix(restA, true), prefix(restB, true)
		numberA, numberB := strings.TrimLeft(digitsA, "0"), strings.TrimLeft(digitsB, "0")
		switch {
		case digitsA == "" || digitsB == "":
			return cmp.Or(strings.Compare(restA, restB), strings.Compare(a, b))
		case len(numberA) != len(numberB):
			return cmp.Compare(len(numberA), len(numberB))
		case numberA != numberB:
			return strings.Compare(numberA, numberB)
		}
		restA, restB = restA[len(digitsA):], restB[len(digitsB):]
	}
	return cmp.Or(cmp.Compare(len(restA), len(restB)), strings.Compare(a, b))
}

// prefix is the beginning of s that is all digits, or has none.
func prefix(s string, digits bool) string {
	for i := range len(s) {
		if (s[i] >= '0' && s[i] <= '9') != digits {
			return s[:i]
		}
	}
	return s
}

package problems

import (
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/workspace"
)

// DidYouMean is a sentence, after a space, with the known name that is nearest;
// "" where none is near.
func DidYouMean(given string, known []string) string {
	if n := workspace.Nearest(given, known); n != "" {
		return " Did you mean " + strconv.Quote(n) + "?"
	}
	return ""
}

// Or is `"a", "b" or "c"`.
func Or(words []string) string {
	var quoted []string
	for _, w := range words {
		quoted = append(quoted, strconv.Quote(w))
	}
	last := len(quoted) - 1
	if last == 0 {
		return quoted[0]
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// Article is a noun with the article that it takes.
func Article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) && noun != "user" {
		return "an " + noun
	}
	return "a " + noun
}

// UpperFirst begins a sentence.
func UpperFirst(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}

// LowerFirst makes one style of HCL's summaries and ours.
func LowerFirst(s string) string {
	if len(s) < 2 || s[0] < 'A' || s[0] > 'Z' || s[1] >= 'A' && s[1] <= 'Z' {
		return s
	}
	return string(s[0]-'A'+'a') + s[1:]
}

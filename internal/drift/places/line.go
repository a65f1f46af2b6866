package places

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hmarr/codeowners"

	"github.com/tfops/tfops/internal/lazyregexp"
)

// A line of CODEOWNERS is taken apart here as GitHub does it, by white space, and the library is asked only which files
// a pattern matches: it takes every "#" for the begin of a comment, and refuses letters that are not ASCII.
//
// https://docs.github.com/articles/about-code-owners#syntax-exceptions names what of gitignore's rules does not count.

// parseLine reads a line; none is a line without a rule. What the library makes of a line that it is not made for, as
// of a lone slash, must not end the daemon.
func parseLine(line string) (rules codeowners.Ruleset, err error) {
	defer func() {
		if r := recover(); r != nil {
			rules, err = nil, fmt.Errorf("the pattern cannot be read (%v)", r)
		}
	}()
	words := wordsOf(line)
	if len(words) == 0 {
		return nil, nil
	}
	pattern, err := patternOf(words[0])
	if err != nil {
		return nil, err
	}
	for _, owner := range words[1:] {
		if !ownerText().MatchString(owner) {
			return nil, fmt.Errorf("%q is no owner: @user, @org/team or a mail address", owner)
		}
		pattern += " " + owner
	}
	if rules, err = codeowners.ParseFile(strings.NewReader(pattern)); err != nil {
		if cause := errors.Unwrap(err); cause != nil {
			err = cause // without the number of the line, which is always the first
		}
		return nil, err
	}
	for _, rule := range rules {
		_, _ = rule.Match("a") // it fails only here
	}
	return rules, nil
}

// wordsOf are the words of a line up to a comment, which begins with a "#" before which there is white space. A
// backslash keeps white space within a word.
func wordsOf(line string) (words []string) {
	word, escaped := "", false
	end := func() {
		if word != "" {
			words = append(words, word)
		}
		word = ""
	}
	for _, c := range strings.TrimRight(line, "\r\n") {
		switch {
		case escaped:
			word, escaped = word+`\`+string(c), false
		case c == '\\' && len(words) == 0:
			escaped = true
		case c == ' ' || c == '\t':
			end()
		case c == '#' && word == "":
			return words
		default:
			word += string(c)
		}
	}
	if escaped {
		word += `\`
	}
	end()
	return words
}

var ownerText = lazyregexp.New(`^[A-Za-z0-9@._%+/-]+$`)

// patternOf is a pattern as the library reads it.
func patternOf(word string) (string, error) {
	switch {
	case strings.HasPrefix(word, `\#`):
		return "", errors.New(`a pattern cannot begin with \#`)
	case strings.HasPrefix(word, "!"):
		return "", errors.New("a pattern cannot be negated")
	case strings.HasSuffix(word, `\`) && !strings.HasSuffix(word, `\\`):
		return "", errors.New("the pattern ends with a backslash")
	}
	var b strings.Builder
	escaped := false
	for _, c := range word {
		switch {
		case c == utf8.RuneError:
			return "", errors.New("the pattern is not UTF-8")
		case !escaped && c == '\\':
			escaped = true
			continue
		case !escaped && (c == '[' || c == ']'):
			return "", errors.New("a pattern cannot have a range of characters")
		case escaped && (c == '*' || c == '?'):
			b.WriteString(`\` + string(c))
		default:
			b.WriteString(encoded(c))
		}
		escaped = false
	}
	return b.String(), nil
}

// encoded is a character of a path as patterns and paths have it for the library: the same, or, of one that the library
// does not know, its number. A "+" is written so as well, or two paths could be one.
func encoded(c rune) string {
	if c < utf8.RuneSelf && plainText().MatchString(string(c)) {
		return string(c)
	}
	return fmt.Sprintf("+%x+", c)
}

var plainText = lazyregexp.New(`^[A-Za-z0-9*?./@_()-]$`)

// encodedPath is a path as the library is asked about it.
func encodedPath(path string) string {
	var b strings.Builder
	for _, c := range path {
		b.WriteString(encoded(c))
	}
	return b.String()
}

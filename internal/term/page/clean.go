package page

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CleanLine makes text from outside safe to print within a line: control
// characters (escape sequences begin with one), line ends, invalid UTF-8 and
// characters that reorder or hide text are written out, e.g. \x1b. Tabs
// become a space.
func CleanLine(s string) string { return clean(s, false) }

// CleanText does the same and keeps line ends and tabs. A carriage return
// before a line end is dropped.
func CleanText(s string) string { return clean(s, true) }

func clean(s string, keepLines bool) string {
	if plainText(s) {
		return s
	}
	if keepLines {
		s = strings.ReplaceAll(s, "\r\n", "\n")
	}
	var b strings.Builder
	kept := 0 // where what is not copied yet begins
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		text := ""
		switch {
		case r == utf8.RuneError && size <= 1:
			text = fmt.Sprintf(`\x%02x`, s[i])
		case r == '\n' && !keepLines:
			text = `\n`
		case r == '\t' && !keepLines:
			text = " "
		case r == '\n' || r == '\t' || shows(r):
			i += size
			continue
		case r == '\r':
			text = `\r`
		case r < 0x100:
			text = fmt.Sprintf(`\x%02x`, r)
		case r < 0x10000:
			text = fmt.Sprintf(`\u%04x`, r)
		default:
			text = fmt.Sprintf(`\U%08x`, r)
		}
		b.WriteString(s[kept:i])
		b.WriteString(text)
		i += size
		kept = i
	}
	if kept == 0 {
		return s
	}
	b.WriteString(s[kept:])
	return b.String()
}

// plainText reports whether nothing needs to be cleaned, for the usual case.
func plainText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// shows reports whether a terminal shows a character and does nothing else
// with it. Joiners and variation selectors are part of emoji and of words.
func shows(r rune) bool {
	return r >= ' ' && r <= '~' || unicode.IsPrint(r) || unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc) ||
		r == 0x200d || r == 0x200c || unicode.Is(unicode.Zs, r)
}

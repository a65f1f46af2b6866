package wording

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Visible writes out, in JSON, the characters that a terminal obeys or that
// reorder or hide text. Outside of strings JSON has none of them.
func Visible(j []byte) []byte {
	at := 0
	for at < len(j) {
		r, n := rune(j[at]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(j[at:])
		}
		if (r < ' ' || r > '~') && hides(r) {
			break
		}
		at += n
	}
	if at == len(j) {
		return j
	}
	out := append(make([]byte, 0, len(j)+16), j[:at]...)
	for i := at; i < len(j); {
		r, n := utf8.DecodeRune(j[i:])
		switch {
		case !hides(r):
			out = append(out, j[i:i+n]...)
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
		i += n
	}
	return out
}

// hides reports whether a character does something else than to show; what
// joins and varies others is part of words and emoji.
func hides(r rune) bool {
	if r < 0x7f {
		return r < ' ' && r != '\n'
	}
	joins := r == 0x200c || r == 0x200d
	return !unicode.IsPrint(r) && !unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc, unicode.Zs) && !joins
}

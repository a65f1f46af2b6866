package delivery

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/notify"
)

var moreText = lazyregexp.New(`^and (\d+) more$`)

// fit is a message in at most so many characters. Lines of its list are cut, never how many there are, and never
// what to do next.
func fit(title, text string, most int) string {
	if whole := joined(title, text); utf8.RuneCountInString(whole) <= most {
		return whole
	}
	title = notify.Cut(title, most/3)
	lines := strings.Split(text, "\n")
	var next []string
	for i, line := range slices.Backward(lines) {
		if strings.HasPrefix(line, "Next: ") {
			next = append([]string{""}, strings.Split(notify.Cut(strings.Join(lines[i:], "\n"), most/3), "\n")...)
			lines = slices.Clone(lines[:i])
			break
		}
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	said, noun := 0, " more lines"
	if n := len(lines); n > 0 {
		if m := moreText().FindStringSubmatch(lines[n-1]); m != nil {
			said, _ = strconv.Atoi(m[1]) // of digits
			lines, noun = lines[:n-1], " more"
		}
	}
	const rest = len("\n\nand 1234567890 more lines")
	room := most - utf8.RuneCountInString(joined(title, strings.Join(next, "\n"))) - rest
	var kept []string
	for i, line := range lines {
		size := utf8.RuneCountInString(line) + 1
		if i == 0 && size > room {
			line = notify.Cut(line, max(room-1, 1))
			size = room
		}
		if size > room {
			break
		}
		kept, room = append(kept, line), room-size
	}
	if n := said + len(lines) - len(kept); n > 0 {
		kept = append(kept, fmt.Sprintf("and %d%s", n, noun))
	}
	return joined(title, strings.Join(append(kept, next...), "\n"))
}

func joined(title, text string) string {
	if text == "" {
		return title
	}
	return title + "\n\n" + text
}

// pings are what calls people in a chat, by service: whatever stands there as text alone calls nobody.
var pings = map[string]func() *regexp.Regexp{
	"discord":    lazyregexp.New(`@(?:everyone|here)\b|<[@#]`),
	"googlechat": lazyregexp.New(`<users/`),
	"lark":       lazyregexp.New(`(?i)<at\b`),
	"matrix":     lazyregexp.New(`@room\b`),
	"mattermost": lazyregexp.New(`\B@[A-Za-z0-9]`), // anybody by name
	"rocketchat": lazyregexp.New(`\B@[A-Za-z0-9]`),
	"slack":      lazyregexp.New(`<[@!#]`),
	"telegram":   lazyregexp.New(`\B@[A-Za-z]`),
	"zulip":      lazyregexp.New(`@_?\*`),
}

// withoutMentions takes their meaning from words that would call people in a chat, as the service has it: a commit's
// message must not. Elsewhere the text stays what it is, so that an owner can be copied.
func withoutMentions(service, text string) string {
	ping := pings[service]
	if ping == nil {
		return text
	}
	return ping().ReplaceAllStringFunc(text, func(s string) string { return s[:1] + "\u200b" + s[1:] })
}

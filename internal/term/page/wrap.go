package page

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// Paragraph is the width to which prose is wrapped where no terminal says so.
const Paragraph = 75

// DisplayWidth is how many columns a text takes on a screen.
func DisplayWidth(s string) int { return lipgloss.Width(s) }

// Wrap breaks prose at spaces. Lines that begin with a space are laid out
// already and are left alone.
func Wrap(text string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			lines = append(lines, line)
			continue
		}
		current, used := "", 0
		for word := range strings.SplitSeq(line, " ") {
			w := DisplayWidth(word)
			if current != "" && used+1+w > width {
				lines = append(lines, current)
				current, used = word, w
				continue
			}
			if current != "" {
				current += " "
				used++
			}
			current += word
			used += w
		}
		lines = append(lines, current)
	}
	return lines
}

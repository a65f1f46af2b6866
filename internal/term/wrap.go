package term

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// paragraph is the width to which prose is wrapped where no terminal says so.
const paragraph = 75

// displayWidth is how many columns a text takes on a screen.
func displayWidth(s string) int { return lipgloss.Width(s) }

// wrap breaks prose at spaces. Lines that begin with a space are laid out
// already and are left alone.
func wrap(text string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			lines = append(lines, line)
			continue
		}
		current, used := "", 0
		for word := range strings.SplitSeq(line, " ") {
			w := displayWidth(word)
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

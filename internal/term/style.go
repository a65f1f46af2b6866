package term

import "charm.land/lipgloss/v2"

// style is how a piece of text looks. Colours are the 16 of the terminal's own
// theme, which every terminal has.
type style int

const (
	noStyle style = iota
	bold
	faint
	red
	green
	yellow
	cyan
	redBold
	greenBold
	yellowBold
	underline
)

var styles = map[style]lipgloss.Style{
	bold:       text().Bold(true),
	faint:      text().Faint(true),
	red:        text().Foreground(lipgloss.Red),
	green:      text().Foreground(lipgloss.Green),
	yellow:     text().Foreground(lipgloss.Yellow),
	cyan:       text().Foreground(lipgloss.Cyan),
	redBold:    text().Foreground(lipgloss.Red).Bold(true),
	greenBold:  text().Foreground(lipgloss.Green).Bold(true),
	yellowBold: text().Foreground(lipgloss.Yellow).Bold(true),
	underline:  text().Underline(true),
}

func text() lipgloss.Style {
	return lipgloss.NewStyle().Inline(true).TabWidth(lipgloss.NoTabConversion)
}

// paint styles one piece of a line.
func (g *page) paint(s style, text string) string {
	if !g.color || s == noStyle || text == "" {
		return text
	}
	return styles[s].Render(text)
}

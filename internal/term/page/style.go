package page

import "charm.land/lipgloss/v2"

// Style is how a piece of text looks. Colours are the 16 of the terminal's own
// theme, which every terminal has.
type Style int

const (
	NoStyle Style = iota
	Bold
	Faint
	Red
	Green
	Yellow
	Cyan
	RedBold
	GreenBold
	YellowBold
	Underline
)

var styles = map[Style]lipgloss.Style{
	Bold:       text().Bold(true),
	Faint:      text().Faint(true),
	Red:        text().Foreground(lipgloss.Red),
	Green:      text().Foreground(lipgloss.Green),
	Yellow:     text().Foreground(lipgloss.Yellow),
	Cyan:       text().Foreground(lipgloss.Cyan),
	RedBold:    text().Foreground(lipgloss.Red).Bold(true),
	GreenBold:  text().Foreground(lipgloss.Green).Bold(true),
	YellowBold: text().Foreground(lipgloss.Yellow).Bold(true),
	Underline:  text().Underline(true),
}

func text() lipgloss.Style {
	return lipgloss.NewStyle().Inline(true).TabWidth(lipgloss.NoTabConversion)
}

// Paint styles one piece of a line.
func (g *Page) Paint(s Style, text string) string {
	if !g.Color || s == NoStyle || text == "" {
		return text
	}
	return styles[s].Render(text)
}

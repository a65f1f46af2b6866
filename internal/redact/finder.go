package redact

// Finder finds which of many texts stand in others, as they are.
type Finder struct{ texts matcher }

// NewFinder looks for texts; an empty one is nowhere.
func NewFinder(texts []string) *Finder {
	f := &Finder{}
	for _, t := range texts {
		if t != "" {
			f.texts.add(t)
		}
	}
	return f
}

// Each calls found for every text that stands in s, as often as it does.
func (f *Finder) Each(s string, found func(text string)) {
	if f.texts.none() {
		return
	}
	for i := range len(s) {
		f.texts.each(s[i:], found)
	}
}

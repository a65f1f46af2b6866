package report

// line is an attribute on one line, as in `tags.Name: "a" → "b"`.
func (a Attribute) line() string {
	text := a.Path
	if text == "" {
		text = "the resource as a whole"
	}
	if a.Before != nil || a.After != nil {
		text += ": " + a.Before.show() + " → " + a.After.show()
	}
	if a.Wanted != nil {
		text += ", wanted " + a.Wanted.show()
	}
	if a.IgnoredBy != "" {
		text += " (ignored by " + a.IgnoredBy + ")"
	}
	return text
}

// show is a value for people; of none it is "none".
func (v *Value) show() string {
	switch {
	case v == nil:
		return "none"
	case v.Length > 0:
		return v.Text + " (" + count(v.Length, "character") + " in all)"
	}
	return v.Text
}

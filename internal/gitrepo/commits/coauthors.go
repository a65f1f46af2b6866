package commits

import "strings"

// MaxCoAuthors is how many co-authors of one commit are kept.
const MaxCoAuthors = 256

// CoAuthors lists whom a message names as co-authors, each once; more says that there are
// more than MaxCoAuthors.
//
// A co-author may not approve, so one too many is the safe side. Every line counts, not only
// those of the last paragraph; indented and quoted ones, too. Letters may have any case. One
// line may name several people, and go on in lines that are indented.
func CoAuthors(message string) (found []Person, more bool) {
	seen := map[Person]bool{}
	add := func(p Person) {
		if p == (Person{}) || seen[p] {
			return
		}
		if len(found) == MaxCoAuthors {
			more = true
			return
		}
		seen[p] = true
		found = append(found, p)
	}
	value, open := "", false
	for line := range strings.Lines(strings.ReplaceAll(message, "\r", "\n")) {
		line = strings.TrimRight(line, "\n")
		v, is := trailer(line)
		switch {
		case is:
			people(value, add)
			value, open = v, true
		case open && line != strings.TrimLeft(line, " \t") && strings.TrimSpace(line) != "":
			value += " " + strings.TrimSpace(line)
		default:
			people(value, add)
			value, open = "", false
		}
		if more {
			return found, true
		}
	}
	people(value, add)
	return found, more
}

// trailer is what a line says after the word for a co-author; false when it has none.
func trailer(line string) (value string, is bool) {
	line = strings.TrimLeft(line, " \t>*-")
	key, value, ok := strings.Cut(line, ":")
	if !ok || len(key) > 32 {
		return "", false
	}
	switch strings.ToLower(strings.TrimSpace(key)) {
	case "co-authored-by", "co-developed-by":
		return value, true
	}
	return "", false
}

// people finds the people in the value of a trailer: names with an address in brackets, or
// addresses alone. What has no address is nobody that could be told.
func people(value string, add func(Person)) {
	named := strings.Contains(value, "<")
	for value != "" {
		name, rest, ok := strings.Cut(value, "<")
		if !ok {
			break
		}
		email, after, closed := strings.Cut(rest, ">")
		if !closed {
			email, after, _ = strings.Cut(rest, ",")
		}
		if email = strings.TrimSpace(email); email != "" {
			add(Person{Name: strings.Trim(name, " \t,;&"), Email: email})
		}
		value = after
	}
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" \t,;", r) }) {
		if strings.Contains(word, "@") && (!named || strings.Contains(value, "@")) {
			add(Person{Email: strings.Trim(word, "()[]\"'.")})
		}
	}
}

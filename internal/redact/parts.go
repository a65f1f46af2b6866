package redact

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/lazyregexp"
)

// Parts are a secret, and what programs make of one that has a structure: without white space
// at its ends, as of a file that ends with a new line; each line alone; of a line such as
// `password = x` the value; of JSON the texts and numbers in it. What is public by its name, or
// too common to be a secret, is no part. Nothing for an empty one.
func Parts(secret string) []string {
	if secret == "" {
		return nil
	}
	all := []string{secret}
	add := func(part string) {
		if part != "" && !slices.Contains(all, part) {
			all = append(all, part)
		}
	}
	trimmed := strings.TrimSpace(secret)
	add(trimmed)
	if fields(trimmed, add) {
		return all
	}
	if !strings.Contains(trimmed, "\n") {
		setting(trimmed, add)
		return all
	}
	for line := range strings.Lines(trimmed) {
		line = strings.TrimSpace(line)
		if len(line) >= Long && !Common(line) && !marker().MatchString(line) {
			add(line)
		}
		setting(line, add)
	}
	return all
}

// marker are the first and the last line of what may be shown: certificates.
var marker = lazyregexp.New(`^-+(BEGIN|END) ([A-Z0-9 ]* )?(CERTIFICATE|PUBLIC KEY)-+$`)

// assigned is a line that gives a name a value, as in an INI file, in YAML or in a connection
// string's fields.
var assigned = lazyregexp.New(`^(?:export\s+)?["']?([A-Za-z_][\w.-]*)["']?\s*[:=]\s*["']?(.*?)["']?[,;]?$`)

var publicText = lazyregexp.New(`^\s*(?:-----BEGIN (?:[A-Z0-9 ]* )?(?:CERTIFICATE|PUBLIC KEY(?: BLOCK)?)-----|` +
	`(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+ AAAA)`)

// Public reports whether a text is made to be shown: a certificate, a public key.
func Public(text string) bool {
	return publicText().MatchString(text) && !strings.Contains(text, "PRIVATE KEY")
}

// setting adds what a line assigns, if it may be a secret: the whole line to one name, or
// parts of it to several; and of a login such as user:password what comes after the colon.
func setting(line string, add func(string)) {
	if len(line) > longestLine || !strings.ContainsAny(line, ":=") {
		return
	}
	if m := assigned().FindStringSubmatch(line); m != nil && mayBeSecret(m[1], m[2]) {
		add(m[2])
	}
	for _, m := range field().FindAllStringSubmatch(line, -1) {
		if value := strings.Trim(m[2], `"'`); mayBeSecret(m[1], value) {
			add(value)
		}
	}
	if _, password, ok := strings.Cut(line, ":"); ok && len(password) >= Long && !Common(password) &&
		!strings.ContainsAny(line, " \t/") && strings.Count(line, ":") == 1 {
		add(password)
	}
}

// longestLine is how long a line may be, in bytes, that gives names values.
const longestLine = 4096

// field is one of several in a line: host=x password=y, AccountName=x;AccountKey=y
var field = lazyregexp.New(`(?:^|[\s;,&?])([A-Za-z_][\w.-]*)=("[^"]*"|'[^']*'|[^\s;&"']+)`)

func mayBeSecret(name, value string) bool {
	return Judge(name, value) == Within && !PublicSetting(name, value)
}

// fields adds the texts and numbers of a JSON object or list, and tells whether it is one.
func fields(text string, add func(string)) bool {
	if text == "" || text[0] != '{' && text[0] != '[' {
		return false
	}
	var v any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return false
	}
	for line := range strings.Lines(text) { // as it is written, for who prints it line by line
		if line = strings.TrimSpace(line); len(line) >= Long && line != text {
			if !publicField(line) {
				add(line)
			}
		}
	}
	leaves("", v, add)
	return true
}

// publicField reports whether a line of JSON has a value that is no secret.
func publicField(line string) bool {
	name, value, _ := strings.Cut(line, ":")
	name, value = strings.Trim(name, `" `), strings.Trim(value, `", `)
	return strings.Trim(value, "{[") == "" || Common(value) || PublicSetting(name, value)
}

// leaves adds what stands in a JSON value under a name.
func leaves(name string, v any, add func(string)) {
	text := ""
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if len(k) >= Long && Random(k) { // tokens by which something is looked up
				add(k)
			}
			leaves(k, v[k], add)
		}
		return
	case []any:
		for _, e := range v {
			leaves(name, e, add)
		}
		return
	case string:
		text = v
	case json.Number:
		text = v.String()
	}
	if !mayBeSecret(name, text) {
		return
	}
	for _, part := range Parts(text) {
		add(part)
	}
}

// Random reports whether a text mixes letters and digits as no word or name does: it has both
// at least twice, and they alternate.
func Random(text string) bool {
	turns, digits, before := 0, 0, byte(0)
	for i := range len(text) {
		kind := byte('x')
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			kind, digits = 'd', digits+1
		case c >= 'a' && c <= 'z':
			kind = 'l'
		case c >= 'A' && c <= 'Z':
			kind = 'u'
		}
		if before != 0 && kind != before && (kind != 'x' || before == 'd') {
			turns++
		}
		before = kind
	}
	return digits >= 2 && turns >= 3
}

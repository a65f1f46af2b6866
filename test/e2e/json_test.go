package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// decode reads JSON, numbers as they are written.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("more than one JSON text")
	}
	return v, nil
}

// at is what lies at a path: keys and positions with dots between them; "len"
// of a list is its length, "." the whole. Nil when there is nothing.
func at(v any, path string) any {
	if path == "." {
		return v
	}
	for _, part := range strings.Split(path, ".") {
		switch now := v.(type) {
		case map[string]any:
			v = now[part]
		case []any:
			i, err := strconv.Atoi(part)
			switch {
			case part == "len":
				v = json.Number(strconv.Itoa(len(now)))
			case err != nil || i < 0 || i >= len(now):
				return nil
			default:
				v = now[i]
			}
		default:
			return nil
		}
	}
	return v
}

// text is a value as a condition writes it; "" for nothing.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// shape of a condition: path=text, path!=text, path~expression,
// path!~expression, path (is there), !path (is not there).
var shape = regexp.MustCompile(`^(!?)([A-Za-z0-9_.-]+)(?:(!?[=~])((?s).*))?$`)

// unmet tells which of the conditions does not hold of v, and what is there
// instead; "" when all of them hold.
func unmet(v any, conditions []string) (string, error) {
	for _, c := range conditions {
		m := shape.FindStringSubmatch(c)
		if m == nil || m[1] != "" && m[3] != "" {
			return "", fmt.Errorf("%q is not a condition", c)
		}
		found := at(v, m[2])
		have, ok := text(found), false
		switch op := m[3]; op {
		case "":
			ok = (found != nil) == (m[1] == "")
		case "=", "!=":
			ok = (have == m[4]) == (op == "=")
		default:
			re, err := regexp.Compile("(?s)" + m[4])
			if err != nil {
				return "", err
			}
			ok = re.MatchString(have) == (op == "~")
		}
		if !ok {
			return fmt.Sprintf("expected %s, found %q", c, have), nil
		}
	}
	return "", nil
}

func TestConditions(t *testing.T) {
	v, err := decode([]byte(`{"n": 1, "s": "a b", "yes": true, "none": null, "list": [{"id": "x"}], "o": {}}`))
	if err != nil {
		t.Fatal(err)
	}
	for condition, met := range map[string]bool{
		"n=1": true, "n=2": false, "n!=2": true, "n!=1": false, "s=a b": true, "s~^a": true, "s~^b": false,
		"s!~b": false, "s!~c": true,
		"yes=true": true, "none": false, "!none": true, "gone": false, "!gone": true, "n": true, "!n": false,
		"gone=": true, "o": true,
		"list.0.id=x": true, "list.1.id=x": false, "list.len=1": true, "list.len=2": false, "list.x=": true,
		"n.deeper=1": false, ".": true,
	} {
		missing, err := unmet(v, []string{"n=1", condition})
		if err != nil || (missing == "") != met {
			t.Errorf("%s: %q, %v", condition, missing, err)
		}
	}
	for _, wrong := range []string{"", "!n=1", "s~(", "a b=c"} {
		if _, err := unmet(v, []string{wrong}); err == nil {
			t.Errorf("%q was taken for a condition", wrong)
		}
	}
}

package diagnostics

import (
	"encoding/json"
	"testing"
)

func TestMask(t *testing.T) {
	m := NewMasker([]string{"a\nsecond line of it\n", `quo"te<`, "secret", "secret-longer", "yes", ""})
	if got := NewMasker([]string{"sensitive", "value"}).Text("a value"); got != "a (sensitive value)" {
		t.Errorf("what was masked was masked again: %q", got)
	}
	for in, want := range map[string]string{
		"nothing here":              "nothing here",
		"the secret-longer thing":   "the (sensitive value) thing",
		"secretsecret":              "(sensitive value)(sensitive value)",
		`a quo"te< b`:               "a (sensitive value) b",
		`{"in": "quo\"te\u003c"}`:   `{"in": "(sensitive value)"}`,
		`{"in": "quo\"te<"}`:        `{"in": "(sensitive value)"}`,
		"x second line of it y":     "x (sensitive value) y",
		"yes":                       "(sensitive value)",
		"yesterday":                 "yesterday", // too short to be hidden within
		"a\nsecond line of it\nand": "(sensitive value)and",
	} {
		if got := m.Text(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		line, _ := json.Marshal(map[string]any{"type": "log", "@message": in, "deep": []any{map[string]any{"k": in}},
			"@level": "yes"})
		var got struct {
			Message string `json:"@message"`
			Level   string `json:"@level"`
			Deep    []map[string]string
		}
		if err := json.Unmarshal(m.Event(line), &got); err != nil || got.Message != want || got.Deep[0]["k"] != want ||
			got.Level != "yes" {
			t.Errorf("event of %q: %+v, %v", in, got, err)
		}
	}
}

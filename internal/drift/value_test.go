package drift

import (
	"strings"
	"testing"
	"time"
)

// TestWorseIsNews: what differs is told again when it has another value, also after somebody said that
// it is known, and when it is worse.
func TestWorseIsNews(t *testing.T) {
	const forever = `{"a": [{"Effect": "Allow"}]}`
	for _, c := range []struct {
		name   string
		class  Class
		path   string
		values []any // that the checks found, one after the other; "ack": somebody says that it is known
		want   string
	}{
		{"the same value", Changed, "a", []any{"1", "1", "1"}, "new ongoing ongoing"},
		{"another value", Changed, "a", []any{"1", "1", "2", "2"}, "new ongoing new ongoing"},
		{"another value at once", Changed, "a", []any{"1", "2"}, "new new"},
		{"the value that is known", Changed, "a", []any{"1", "ack", "1", "1"},
			"new acknowledged acknowledged acknowledged"},
		{"another one than is known", Changed, "a", []any{"1", "ack", "2", "2"}, "new acknowledged new ongoing"},
		{"and back", Changed, "a", []any{"1", "ack", "2", "1"}, "new acknowledged new acknowledged"},
		{"another one that is known, too", Changed, "a", []any{"1", "ack", "2", "ack", "2"},
			"new acknowledged new acknowledged acknowledged"},
		{"JSON written otherwise", Changed, "a", []any{forever, "ack", `{"a":[{"Effect":"Allow"}]}`},
			"new acknowledged acknowledged"},
		{"another element of JSON", Changed, "a", []any{forever, "ack",
			`{"a":[{"Effect":"Allow"},{"Effect":"Deny"}]}`},
			"new acknowledged new"},
		{"a text is not the JSON in it", Changed, "a", []any{map[string]any{"b": "1"}, `{"b":"1"}`}, "new new"},
		{"of a conflict", Conflict, "a", []any{"1", "1", "2"}, "new ongoing new"},
		{"what nobody set", StateOnly, "a", []any{"1", "2", "3"}, "new ongoing ongoing"},
		{"what an input made", Input, "a", []any{"1", "2"}, "new ongoing"},
		{"worse, and open to everybody", Changed, "cidr_blocks", []any{"10.0.0.0/8", "10.1.0.0/16", "ack", "0.0.0.0/0"},
			"new new acknowledged new"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var all []Finding
			var got []string
			for i, v := range c.values {
				now := at(i)
				if v == "ack" {
					ack := Ack{By: "ana", Reason: "known", Until: now.AddDate(0, 0, 7)}
					f, _, err := Acknowledge(only(t, all), ack, now)
					if err != nil {
						t.Fatal(err)
					}
					all = []Finding{f}
				} else {
					d := differs(c.class, c.path)
					d.Attributes[0].After = v
					before := lifeOf(all)
					var events []Event
					all, events = Rules{}.Update(all, looked(i), []Difference{d}, now)
					f := only(t, all)
					if told := len(events) == 1 && events[0].To == New; told != (f.Life == New) {
						t.Errorf("from %s to %s the events are %+v", before, f.Life, events)
					}
				}
				got = append(got, string(only(t, all).Life))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s, want %s", strings.Join(got, " "), c.want)
			}
		})
	}
}

func lifeOf(all []Finding) Life {
	if len(all) == 0 {
		return ""
	}
	return all[0].Life
}

// TestWorseSeverityIsNews: the same value that is worse is told, even of what somebody knows; a rule of the
// configuration that makes it so is no news.
func TestWorseSeverityIsNews(t *testing.T) {
	d := differs(Changed, "a")
	d.Action = "update"
	all, _ := Rules{}.Update(nil, looked(0), []Difference{d}, at(0))
	all, _ = Rules{}.Update(all, looked(1), []Difference{d}, at(1))
	d.Action = "replace" // to undo it, the resource has to be destroyed now
	all, events := Rules{}.Update(all, looked(2), []Difference{d}, at(2))
	if f := only(t, all); f.Life != New || f.Severity != Critical || len(events) != 1 ||
		!strings.Contains(events[0].Text, "worse") {
		t.Errorf("%s, %s, %+v", f.Life, f.Severity, events)
	}
	all, _ = Rules{}.Update(all, looked(3), []Difference{d}, at(3))
	d.Action = "update"
	all, events = Rules{}.Update(all, looked(4), []Difference{d}, at(4))
	if f := only(t, all); f.Life != Ongoing || len(events) != 0 {
		t.Errorf("better is told: %s, %+v", f.Life, events)
	}
	rules := Rules{Severity: []SeverityRule{{Severity: High}}}
	if again, events := rules.Reapply(all, at(5)); len(events) != 0 || again[0].Severity != High {
		t.Errorf("a rule is told: %+v", events)
	}
}

// An acknowledgement of an earlier tfops covers any value.
func TestOldAcknowledgements(t *testing.T) {
	d := differs(Changed, "a")
	d.Attributes[0].After = "1"
	all, _ := Rules{}.Update(nil, looked(0), []Difference{d}, at(0))
	all[0].Life, all[0].Ack = Acknowledged, &Ack{By: "ana", Reason: "known", At: at(0),
		Until: at(0).Add(100 * time.Hour), Attributes: []string{"a"}}
	d.Attributes[0].After = "2"
	if all, _ = (Rules{}).Update(all, looked(1), []Difference{d}, at(1)); all[0].Life != Acknowledged {
		t.Errorf("it is %s", all[0].Life)
	}
}

package backend

import (
	"errors"
	"testing"
)

func TestReadState(t *testing.T) {
	const whole = `{"version": 4, "serial": 7, "lineage": "abc", "resources": [
		{"mode": "managed", "type": "a", "instances": [{}, {}]}, {"mode": "data", "instances": [{}]}, {"mode": "managed", "instances": []}]}`
	h, err := ReadState([]byte(whole))
	if err != nil || h.Serial != 7 || h.Lineage != "abc" || h.Resources != 2 || len(h.Digest) != len("sha256:")+64 {
		t.Errorf("%+v, %v", h, err)
	}
	for text, want := range map[string]error{
		"": ErrStateEmpty, " \n\t": ErrStateEmpty, whole[:40]: ErrStateCut, whole[:len(whole)-1]: ErrStateCut,
		"\x00\x00": ErrStateCut, "[]": ErrStateCut,
		"{}": ErrNoState, `{"version": 4, "serial": 1}`: ErrNoState, `{"version": 3, "serial": -1, "lineage": "x"}`: ErrStateCut, "null": ErrNoState,
	} {
		if _, err := ReadState([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

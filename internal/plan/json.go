package plan

import (
	"bytes"
	"encoding/json"

	"github.com/tfops/tfops/internal/fault"
)

// The readers below keep numbers as they are written: a float64 would lose
// digits of large ones. A plan in a newer format is refused.

// UnmarshalJSON reads the JSON form of a plan.
func (p *Plan) UnmarshalJSON(b []byte) error {
	type plain Plan
	var q plain
	if err := json.Unmarshal(b, &q); err != nil {
		return err
	}
	if q.FormatVersion > FormatVersion {
		return fault.New(fault.Invalid, "use a tfops that is at least as new as the one that wrote the plan",
			"the plan is in format %d, newer than the format %d that this tfops reads", q.FormatVersion, FormatVersion)
	}
	*p = Plan(q)
	return nil
}

// UnmarshalJSON reads the JSON form of a change.
func (c *Change) UnmarshalJSON(b []byte) error {
	type plain Change
	return exact(b, (*plain)(c))
}

// UnmarshalJSON reads the JSON form of an output's change.
func (o *Output) UnmarshalJSON(b []byte) error {
	type plain Output
	return exact(b, (*plain)(o))
}

func exact(b []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	return dec.Decode(into)
}

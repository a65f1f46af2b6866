package job

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/plan"
)

// LoadResult reads the result of a phase that has ended, and the plan of a
// plan phase that succeeded. NotFound when there is none.
func LoadResult(dir string) (Result, error) {
	var r Result
	err := readJSON(filepath.Join(dir, ResultFile), FormatVersion, &r)
	if errors.Is(err, fs.ErrNotExist) {
		return Result{}, fault.New(fault.NotFound, "", "%s holds no result", dir)
	}
	if err != nil {
		return Result{}, err
	}
	job, err := LoadJob(dir)
	if err != nil {
		return Result{}, err
	}
	if what := missing(dir, job, r); what != "" {
		return Result{}, fault.New(fault.Internal, "", "%s does not tell how the %s ended: it has no %s",
			filepath.Join(dir, ResultFile), job.Phase, what)
	}
	if job.Phase != PlanPhase || r.Outcome != Succeeded {
		return r, nil
	}
	r.Plan = new(plan.Plan)
	if err := readJSON(job.PlanJSON, plan.FormatVersion, r.Plan); err != nil {
		return Result{}, err
	}
	return r, nil
}

// missing names what every result has and this one has not; "" when it is whole.
// A file that was cut, emptied or written by somebody else must not pass for the
// end of a phase: least of all for the end of an apply.
func missing(dir string, job Job, r Result) string {
	known := []Outcome{Succeeded, Failed, InterruptedOutcome, KilledOutcome, TimedOut}
	switch {
	case r.FormatVersion < 1:
		return "format version"
	case !slices.Contains(known, r.Outcome):
		return fmt.Sprintf("outcome that is known (%q)", r.Outcome)
	case r.StartedAt.IsZero() || r.FinishedAt.IsZero():
		return "times"
	case job.Phase != ApplyPhase:
		return ""
	case r.Outcome == Succeeded && (r.PlanDigest == "" || r.PlanDigest != job.PlanDigest):
		return "digest of the plan that was approved"
	}
	if began, err := EngineBegan(dir); (began || err != nil) && (r.EngineName == "" || r.PlanDigest == "") {
		return "engine, though one was started"
	}
	return ""
}

// Output is the value of an output of the root module, as the engine's JSON
// has it. It may be secret: it is written encrypted only.
type Output struct {
	Value     json.RawMessage `json:"value"`
	Sensitive bool            `json:"sensitive,omitempty"`
}

// BackendLock is a lock that lies in the backend, as far as the engine's error
// tells of it. A field is empty where it does not.
type BackendLock struct {
	ID        string    `json:"id,omitempty"`
	Who       string    `json:"who,omitempty"` // e.g. "ana@laptop"
	Operation string    `json:"operation,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	// Session says that the backend gives the lock back by itself when its
	// holder disconnects: no ID breaks it.
	Session bool `json:"session,omitempty"`
}

// String says who holds the lock, as far as that is known.
func (l *BackendLock) String() string {
	text := "it is locked"
	switch {
	case l.Who != "":
		text += " by " + l.Who
	case l.Session:
		text += "; PostgreSQL does not say by whom"
	default:
		text += "; the backend does not say by whom"
	}
	if !l.Created.IsZero() {
		text += " since " + l.Created.UTC().Format("2006-01-02 15:04:05 MST")
	}
	if l.Operation != "" {
		text += " for " + l.Operation
	}
	if l.ID != "" {
		text += " (lock " + l.ID + ")"
	}
	return text
}

// Next is what to do about it.
func (l *BackendLock) Next() string {
	switch {
	case l.Session:
		return "wait for it to end: PostgreSQL takes the lock back when its holder disconnects; who that is, " +
			"`SELECT pid, usename, client_addr FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = " +
			"'advisory'` " +
			"tells"
	case l.ID == "":
		return "wait for whoever holds the lock"
	}
	return "wait for it to end; if whoever holds it is gone for certain, run `force-unlock " + l.ID +
		"` of the engine in the root module"
}

// RunMark is the variable in the environment of an engine, and so of all that
// it starts, that tells which run it belongs to.
const RunMark = "TFOPS_RUN_ID"

// Process is a process of this host.
type Process struct {
	PID  int    `json:"pid"`
	Name string `json:"name"`
}

// GroundFile names, beside the saved plan, what the plan stands on.
const GroundFile = "ground.json"

// ApprovedDigest is the digest that people approve: of a saved plan and, in ground (the
// content of GroundFile), of all that it stands on. ground is nil for a plan that is
// never applied.
func ApprovedDigest(saved, ground []byte) string {
	if ground == nil {
		return plan.Digest(saved)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d:", len(saved))
	h.Write(saved)
	h.Write(ground)
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// String is the diagnostic as the engine prints it, without the frame.
func (d Diagnostic) String() string {
	var b strings.Builder
	severity := "Error"
	if d.Severity == "warning" {
		severity = "Warning"
	}
	fmt.Fprintf(&b, "%s: %s", severity, d.Summary)
	if d.File != "" {
		fmt.Fprintf(&b, "\n\n  on %s line %d", d.File, d.Line)
		if d.Context != "" {
			fmt.Fprintf(&b, ", in %s", d.Context)
		}
		if d.Snippet != "" {
			fmt.Fprintf(&b, ":\n  %4d: %s", d.Line, d.Snippet)
		}
	} else if d.Address != "" {
		fmt.Fprintf(&b, "\n\n  with %s", d.Address)
	}
	if d.Detail != "" {
		b.WriteString("\n\n" + d.Detail)
	}
	return b.String()
}

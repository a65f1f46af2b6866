package job

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/fault"
)

// Names of the files in a phase's directory that others read. The package
// comment tells what they are.
const (
	HiddenFile       = "hidden.json.age"  // beside the plan, and in the workspace's directory
	OutputsFile      = "outputs.json.age" // the root module's outputs, by name; see Output
	LeftFile         = "left.json.age"    // the state as the phase left it; see plan/baseline
	EventsFile       = "events.jsonl"
	LogFile          = "runner.log"          // what the runner itself printed; empty unless it failed badly
	ErroredStateFile = "errored.tfstate.age" // evidence: a state that the engine could not save
	DebugFile        = "debug.log.age"       // the engine's own debug log (TF_LOG=DEBUG), encrypted
	JobFile          = "job.json"
	LockFile         = "runner.lock"
	StartedFile      = "started"
	ResultFile       = "result.json"
	ReserveFile      = "result.json.tmp" // space kept for the result; see reserve
)

// readJSON reads a versioned file of a phase's directory. What an older
// tfops wrote is read, what a newer one wrote is refused.
func readJSON(path string, newest int, into any) error {
	b, err := datafile.ReadSole(path, datafile.Record)
	if err != nil {
		return err
	}
	var v struct {
		FormatVersion int `json:"format_version"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return fault.New(fault.Internal, "", "%s is damaged: %w", path, err)
	}
	if v.FormatVersion > newest {
		return fault.New(fault.Internal, "start the newer tfops again",
			"%s was written by a newer tfops (format %d, this one reads up to %d)", path, v.FormatVersion, newest)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fault.New(fault.Internal, "", "%s is damaged: %w", path, err)
	}
	return nil
}

// LoadJob reads what the runner in dir was asked to do.
func LoadJob(dir string) (Job, error) {
	var job Job
	err := readJSON(filepath.Join(dir, JobFile), FormatVersion, &job)
	return job, err
}

// EngineBegan reports whether the engine was told to do the phase of dir.
func EngineBegan(dir string) (bool, error) {
	_, err := os.Lstat(filepath.Join(dir, StartedFile))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return false, nil
	}
	return err == nil, err
}

// Reserved is how much space is kept for the result, in bytes.
const Reserved = 256 << 10

// LockFD is the number under which a runner inherits its lock.
const LockFD = 3

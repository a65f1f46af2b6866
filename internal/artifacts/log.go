package artifacts

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
)

// Log is the log of a phase: the engine's messages, one JSON line each.
func (r Run) Log(p job.Phase) *Log { return &Log{path: r.PhaseFile(p, "events.jsonl")} }

// Log reads whole lines from a growing file, each once.
type Log struct {
	path   string
	offset int64
	file   fs.FileInfo // that was read last: a plan that is made again begins a new one
}

// Check says why the log cannot be read; nil where it can, and where there is none yet.
func (t *Log) Check() error {
	f, err := datafile.OpenSole(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func (t *Log) Read(emit func([]byte) error) error {
	f, err := datafile.OpenSole(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if t.file != nil && !os.SameFile(t.file, info) || info.Size() < t.offset {
		t.offset = 0
	}
	t.file = info
	in := bufio.NewReaderSize(io.NewSectionReader(f, t.offset, info.Size()-t.offset), 64<<10)
	for {
		line, n, err := wholeLine(in)
		if errors.Is(err, io.EOF) {
			return nil // what is left of it is written later
		}
		if err == nil {
			err = emit(line)
		}
		if err != nil {
			return err
		}
		t.offset += n
	}
}

// maxLogLine bounds a line that is shown, in bytes. The runner writes none that
// is longer than a mebibyte and what masks add to it.
const maxLogLine = 8 << 20

// wholeLine reads the next line, without its end, and how many bytes it had with
// it. A line that cannot be a message is told of instead of being shown.
func wholeLine(in *bufio.Reader) (line []byte, n int64, err error) {
	for {
		part, err := in.ReadSlice('\n')
		n += int64(len(part))
		if len(line)+len(part) <= maxLogLine {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err == nil && int64(len(line)) < n {
			line = fmt.Appendf(nil, `{"@level":"warn","@message":"a line of %d bytes was left out of the log","@module":"tfops","type":"log"}`, n)
		}
		return bytes.TrimSuffix(line, []byte("\n")), n, err
	}
}

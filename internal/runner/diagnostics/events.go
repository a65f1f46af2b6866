package diagnostics

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
)

// longest is how long a message may be, in bytes, to be kept in the log.
const longest = 1 << 20

// longestLog is how long a log may become, in bytes: what one run prints must
// not fill the disk that all share. For errors and for what tfops says itself
// there is an eighth more.
const longestLog = 256 << 20

// EventLog writes events.jsonl: one JSON object a line, secrets masked.
//
// It never fails: whoever writes to it goes on, since an engine whose output
// nobody reads any more stops in the middle of an apply. What could not be
// written is counted and told at the end.
type EventLog struct {
	mask *Masker
	most int64 // longestLog

	mu      sync.Mutex
	file    *os.File
	end     int64 // where the last whole line ends
	full    bool  // a line was left out since the log is long enough
	lost    int
	trouble error // the first error of the file
}

func OpenEvents(dir string, mask *Masker) *EventLog {
	l := &EventLog{mask: mask, most: longestLog}
	l.file, l.trouble = datafile.OpenFile(filepath.Join(dir, job.EventsFile), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	return l
}

// line writes one line of the engine's output. What is not a JSON object is
// wrapped into one.
func (l *EventLog) line(line []byte) {
	line = bytes.TrimRight(line, "\r\n")
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	if len(line) > longest {
		line = []byte(logEvent("warn", fmt.Sprintf("a message of %d bytes was left out of the log", len(line))))
	}
	if line[0] != '{' || !json.Valid(line) {
		line = []byte(logEvent("info", string(line)))
	}
	own := bytes.Contains(line, []byte(`"@module":"tfops"`)) || bytes.Contains(line, []byte(`"type":"diagnostic"`))
	l.write(append(l.mask.Event(line), '\n'), own)
}

// Say writes a message of tfops itself.
func (l *EventLog) Say(level, format string, args ...any) {
	l.line([]byte(logEvent(level, fmt.Sprintf(format, args...))))
}

func logEvent(level, message string) string {
	return JsonText(map[string]string{
		"@level": level, "@message": message, "@module": "tfops",
		"@timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"), "type": "log",
	}, false)
}

// write appends a line if there is room for it; matters tells that it may take
// of the room that is kept for what matters most.
func (l *EventLog) write(b []byte, matters bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	room := l.most
	if matters {
		room += l.most / 8
	}
	if l.end+int64(len(b)) > room {
		if l.full {
			return
		}
		l.full = true
		b = []byte(logEvent("warn",
			fmt.Sprintf("the log is %d MB long: what follows is left out, but for errors", l.end>>20)) + "\n")
	}
	if l.file == nil {
		l.lost++
		return
	}
	n, err := l.file.WriteAt(b, l.end)
	if err == nil {
		l.end += int64(n)
		return
	}
	l.lost++
	if l.trouble == nil {
		l.trouble = err
	}
	_ = l.file.Truncate(l.end) // no half line; the next one may fit again
}

// Close ends the log and tells what could not be written to it; nil when
// nothing was lost.
func (l *EventLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return l.trouble
	}
	err := l.file.Close()
	l.file = nil
	if l.trouble != nil {
		return fmt.Errorf("%d lines of the log could not be written: %w", l.lost, l.trouble)
	}
	return err
}

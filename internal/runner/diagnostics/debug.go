package diagnostics

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/runner/memfile"
)

// debugHead and debugTail are how much of the beginning and of the end of a debug
// log is kept, in bytes: how it was called, and how it ended.
const (
	debugHead = 4 << 20
	debugTail = 12 << 20
)

// DebugLog takes in the engine's debug log. The engine writes it into a pipe,
// and it stays in memory until the phase ends: providers print values that are
// known to be sensitive only once the plan is there.
type DebugLog struct {
	Write *os.File // the engine opens it by its path
	read  *os.File
	done  chan struct{}
	text  bounded
}

func NewDebugLog() (*DebugLog, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	d := &DebugLog{Write: w, read: r, done: make(chan struct{}), text: bounded{head: debugHead, tail: debugTail}}
	go func() {
		defer close(d.done)
		in := bufio.NewReaderSize(r, 64<<10)
		for {
			line, err := in.ReadSlice('\n') // of a line that is longer, a part
			d.text.add(line)
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return
			}
		}
	}()
	return d, nil
}

// Engine has a command of the engine write its debug log.
func (d *DebugLog) Engine(tf *tfexec.Terraform) error {
	if d == nil {
		return nil
	}
	if err := tf.SetLog("DEBUG"); err != nil {
		return err
	}
	return tf.SetLogPath(memfile.Path(d.Write))
}

// End gives the whole log. A process that the engine left behind may hold the
// pipe open; it is not waited for.
func (d *DebugLog) End() []byte {
	_ = d.Write.Close()
	_ = d.read.SetReadDeadline(time.Now().Add(2 * time.Second))
	<-d.done
	_ = d.read.Close()
	return d.text.bytes()
}

// bounded is the beginning and the end of a long text.
type bounded struct {
	head, tail int // how much to keep of each
	first      []byte
	last       []byte
	left       int // bytes that were left out between them
}

func (b *bounded) add(p []byte) {
	if room := b.head - len(b.first); room > 0 && len(b.last) == 0 {
		n := min(room, len(p))
		b.first, p = append(b.first, p[:n]...), p[n:]
	}
	b.last = append(b.last, p...)
	if over := len(b.last) - b.tail; over > b.tail { // seldom, since it copies
		b.left += over
		b.last = append([]byte(nil), b.last[over:]...)
	}
}

func (b *bounded) bytes() []byte {
	last, left := b.last, b.left
	if over := len(last) - b.tail; over > 0 {
		last, left = last[over:], left+over
	}
	if left == 0 {
		return append(bytes.Clone(b.first), last...)
	}
	// Half a line may hold half a secret, which no mask knows.
	first := b.first[:bytes.LastIndexByte(b.first, '\n')+1]
	_, last, _ = bytes.Cut(last, []byte("\n"))
	note := fmt.Sprintf("… %d bytes were left out here …\n", left+len(b.first)-len(first))
	return append(append(bytes.Clone(first), note...), last...)
}

// Package launch makes the small programs that stand between a runner and its engine. Such a program
// carries out a list of system calls in the process that was started for the engine, and then becomes
// the engine. What has to be done after the fork and before the engine's first instruction can be
// done by nobody else: Go has no place there, and to start tfops once more costs several milliseconds.
package launch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/tfops/tfops/internal/sandbox"
)

// Program is a list of system calls, in their order.
type Program struct {
	calls []call
	data  []byte
}

type call struct {
	what  string
	needs sandbox.LackKind // what a machine lacks where it fails, if that is known
	nr    uintptr
	args  [6]uintptr
	flags uint64
}

// What the machine code knows of a call.
const (
	mayFail = 1 << iota // goes on
	becomes             // an execve: arguments and environment are those of the program itself
	repeats             // is made again and again
)

// The program lies in memory as it lies in its file, from base on: headers, code, data, the table of
// calls. All of it is read-only.
const (
	base      = 0x400000
	dataStart = 0x200
	entrySize = 64
)

// failed is the program's exit status when a call failed that may not fail.
const failed = 125

// Bytes puts content into the program, and returns its address there.
func (p *Program) Bytes(b []byte) uintptr {
	for len(p.data)%8 != 0 {
		p.data = append(p.data, 0)
	}
	at := base + dataStart + len(p.data)
	p.data = append(p.data, b...)
	return uintptr(at)
}

// Text puts a text into the program as C has it.
func (p *Program) Text(s string) uintptr { return p.Bytes(append([]byte(s), 0)) }

// Call adds a system call. Where it fails the program ends; what says what it was for.
func (p *Program) Call(what string, nr uintptr, args ...uintptr) { p.add(0, what, nr, args) }

// Need adds a system call of which it is known what a machine lacks where it fails.
func (p *Program) Need(kind sandbox.LackKind, what string, nr uintptr, args ...uintptr) {
	p.Call(what, nr, args...)
	p.calls[len(p.calls)-1].needs = kind
}

// Try adds a system call that may fail.
func (p *Program) Try(nr uintptr, args ...uintptr) { p.add(mayFail, "", nr, args) }

// Become has the program become another one, with its own arguments and environment. The first
// argument is the path: some programs look there for what they are.
func (p *Program) Become(path string) {
	p.add(becomes, "start "+path, syscall.SYS_EXECVE, []uintptr{p.Text(path)})
}

// Stay has the program make a call for ever.
func (p *Program) Stay(nr uintptr, args ...uintptr) { p.add(mayFail|repeats, "", nr, args) }

func (p *Program) add(flags uint64, what string, nr uintptr, args []uintptr) {
	c := call{what: what, nr: nr, flags: flags}
	copy(c.args[:], args)
	p.calls = append(p.calls, c)
}

// ELF is the program as a file. Where a call fails it writes a record of that into the file that is
// open as record, and ends; see Explain.
func (p *Program) ELF(record int) []byte {
	for len(p.data)%8 != 0 {
		p.data = append(p.data, 0)
	}
	table := base + dataStart + len(p.data)
	size := uint64(dataStart + len(p.data) + entrySize*len(p.calls))
	b := header(size)
	b = append(b, code(uint32(table), uint32(record))...)
	b = append(b, make([]byte, dataStart-len(b))...)
	b = append(b, p.data...)
	for _, c := range p.calls {
		b = binary.LittleEndian.AppendUint64(b, uint64(c.nr))
		for _, a := range c.args {
			b = binary.LittleEndian.AppendUint64(b, uint64(a))
		}
		b = binary.LittleEndian.AppendUint64(b, c.flags)
	}
	return b
}

// header is that of a static executable with one segment, and with a stack that cannot be executed.
func header(size uint64) []byte {
	const ehdr, phdr = 64, 56
	b := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	le := binary.LittleEndian
	b = le.AppendUint16(b, 2) // executable
	b = le.AppendUint16(b, machine)
	b = le.AppendUint32(b, 1)
	b = le.AppendUint64(b, base+ehdr+2*phdr) // the code
	b = le.AppendUint64(b, ehdr)
	b = le.AppendUint64(b, 0) // no sections
	b = le.AppendUint32(b, 0)
	for _, n := range []uint16{ehdr, phdr, 2, 0, 0, 0} {
		b = le.AppendUint16(b, n)
	}
	segment := func(kind, flags uint32, at, size, align uint64) {
		b = le.AppendUint32(b, kind)
		b = le.AppendUint32(b, flags)
		for _, n := range []uint64{0, at, at, size, size, align} {
			b = le.AppendUint64(b, n)
		}
	}
	segment(1, 5, base, size, 0x10000) // PT_LOAD, r-x
	segment(0x6474e551, 6, 0, 0, 16)   // PT_GNU_STACK, rw-
	return b
}

// Explain says which call failed, by the record that the program wrote; nil where it wrote none. An
// engine may end with the same status.
func (p *Program) Explain(record []byte) error {
	if len(record) < 16 {
		return nil
	}
	table := uint64(base + dataStart + len(p.data))
	n := (binary.LittleEndian.Uint64(record) - table) / entrySize
	if n >= uint64(len(p.calls)) {
		return errors.New("the program that starts the engine failed, and does not tell where")
	}
	no := syscall.Errno(-int64(binary.LittleEndian.Uint64(record[8:])))
	err := fmt.Errorf("%s: %w", p.calls[n].what, no)
	if kind := p.calls[n].needs; kind != "" {
		return &sandbox.Missing{Kind: kind, Err: err}
	}
	return err
}

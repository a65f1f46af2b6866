package packs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
)

// content is an object that can be read at any place: in memory when it is
// small, else in a file.
type content struct {
	io.ReaderAt
	size int64
	held int64 // of memory, in bytes
	end  int64 // of the file before it; see spill.drop
}

// spill keeps contents: those that fit into memory there, the others one behind
// the other in a file that has no name. What came last goes first.
type spill struct {
	dir  string
	room int64 // of memory that is left, in bytes
	file *os.File
	end  int64
}

// maxHeld is how much of the bases of deltas is held in memory at once.
const maxHeld = 16 << 20

func newSpill(dir string) *spill { return &spill{dir: dir, room: maxHeld} }

// keep takes over the content that a reader has.
func (s *spill) keep(r io.Reader, size int64) (content, error) {
	if size <= min(MaxSmall, s.room) {
		var b bytes.Buffer
		b.Grow(int(size))
		n, err := io.Copy(&b, r)
		if err == nil && n != size {
			err = io.ErrUnexpectedEOF
		}
		s.room -= size
		return content{ReaderAt: bytes.NewReader(b.Bytes()), size: size, held: size, end: s.end}, err
	}
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, ".tmp-*")
		if errors.Is(err, fs.ErrNotExist) { // the mirror was moved aside
			f, err = os.CreateTemp("", "tfops-*")
		}
		if err != nil {
			return content{}, err
		}
		s.file = f
		if err := os.Remove(f.Name()); err != nil {
			return content{}, err
		}
	}
	c := content{ReaderAt: io.NewSectionReader(s.file, s.end, size), size: size, end: s.end}
	n, err := io.Copy(io.NewOffsetWriter(s.file, s.end), r)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	s.end += size
	return c, err
}

// drop lets go of the content that was kept last.
func (s *spill) drop(c content) {
	s.room += c.held
	s.end = c.end
}

func (s *spill) Close() error {
	if s.file == nil {
		return nil
	}
	return errors.Join(s.file.Close())
}

package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestWhatTheMachineLacksIsNamed(t *testing.T) {
	for _, tt := range []struct {
		err        error
		what, next string
		own        bool
	}{
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EMFILE}, "too many open files", "LimitNOFILE", true},
		{os.NewSyscallError("accept4", syscall.EMFILE), "too many open files", "ulimit -n", true},
		{fmt.Errorf("git: %w", os.NewSyscallError("socket", syscall.ENFILE)), "on this machine", "fs.file-max", true},
		{&fs.PathError{Op: "fork/exec", Path: "tfops", Err: syscall.EAGAIN}, "too many processes", "TasksMax", true},
		{&fs.PathError{Op: "fork/exec", Path: "tfops", Err: syscall.ENOMEM}, "too little memory", "MemoryMax", true},
		{&fs.PathError{Op: "fork/exec", Path: "tfops", Err: syscall.ENOSPC}, "too many namespaces",
			"max_user_namespaces", true},
		{New(Internal, "", "a wrapped one: %w", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}),
			"no space left", "df -i", false},
		{errors.Join(errors.New("first"), &fs.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}), "quota", "quota",
			false},
		{syscall.EROFS, "read-only", "writable", false},
		{syscall.EIO, "fails", "dmesg", false},
	} {
		l, ok := LackOf(tt.err)
		if !ok || !strings.Contains(l.What, tt.what) || !strings.Contains(l.Next, tt.next) || l.Own != tt.own {
			t.Errorf("%v: %+v, %v", tt.err, l, ok)
		}
		said := OfMachine(tt.err)
		if Next(said) != l.Next || !strings.Contains(said.Error(), l.What) || !errors.Is(said, tt.err) {
			t.Errorf("%v is said as %v, next %q", tt.err, said, Next(said))
		}
	}
	known := New(Unavailable, lacks[0].Next+"; then try again", "%w", syscall.EMFILE)
	misled := New(Unavailable, "git fsck", "%w", syscall.EMFILE)
	if got := OfMachine(misled); Next(got) != lacks[0].Next {
		t.Errorf("%v says next %q", got, Next(got))
	}
	for _, err := range []error{nil, errors.New("other"), fs.ErrNotExist, syscall.EAGAIN,
		&fs.PathError{Op: "read", Err: syscall.EAGAIN}, known} {
		if _, ok := LackOf(err); ok && err != error(known) {
			t.Errorf("%v is taken for a lack of the machine", err)
		}
		if got := OfMachine(err); got != err {
			t.Errorf("%v was changed to %v", err, got)
		}
	}
}

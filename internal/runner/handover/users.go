package handover

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/filelock"
	"github.com/tfops/tfops/internal/sandbox"
)

// UsersFile says, in a data directory, which user the engines of a workspace run as. Nothing is ever taken out of it:
// a number goes on to nobody else, with whatever its files are.
const UsersFile = "users"

// usual are the ranges that are taken where none is configured: numbers that no distribution gives to anybody. The
// second one is for containers that have only the first 65,536.
var usual = []sandbox.IDs{{First: 0x70000000, Last: 0x7000ffff}, {First: 30000, Last: 59999}}

// Range is the range that is configured, or a usual one; an error where this process has no such users.
func Range(configured sandbox.IDs) (sandbox.IDs, error) {
	tries := usual
	if configured != (sandbox.IDs{}) {
		tries = []sandbox.IDs{configured}
	}
	for _, r := range tries {
		if mapped("/proc/self/uid_map", r) && mapped("/proc/self/gid_map", r) {
			return r, nil
		}
	}
	return sandbox.IDs{}, fmt.Errorf("the users %s are not there in the user namespace of tfops serve",
		tries[len(tries)-1])
}

// mapped reports whether a user namespace has all ids of a range.
func mapped(file string, r sandbox.IDs) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 {
			continue
		}
		first, ferr := strconv.Atoi(fields[0])
		n, nerr := strconv.Atoi(fields[2])
		if ferr == nil && nerr == nil && first <= r.First && r.Last < first+n {
			return true
		}
	}
	return false
}

// Assign is the user of a workspace, which is told by its directory below the data directory: the one that it has
// had, if that is in the range and nobody else's on this machine, or the next one that nobody ever had. The first of
// the range is for trials. Where a data directory begins is told by its path: the users of two of them on one machine
// are not the same then, as long as the range is wide.
func Assign(ctx context.Context, dataDir, name string, r sandbox.IDs) (int, error) {
	path := filepath.Join(dataDir, UsersFile)
	release, err := filelock.Take(ctx, path+".lock", func() {})
	if err != nil {
		return 0, err
	}
	defer release()
	b, err := datafile.Read(path, datafile.Record)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	next, has := begin(dataDir, r), 0
	given := map[int]bool{}
	for line := range strings.Lines(string(b)) {
		number, quoted, _ := strings.Cut(strings.TrimSpace(line), " ")
		uid, err := strconv.Atoi(number)
		whose, qerr := strconv.Unquote(quoted)
		if err != nil || qerr != nil {
			return 0, fault.New(fault.Unavailable,
				"restore it from a backup, or put its lines right: a number, a space and a directory in quotes",
				"%s has a line that cannot be read: %q", path, line)
		}
		given[uid] = true
		if uid > r.First && uid <= r.Last {
			next = uid + 1
		}
		if whose == name {
			has = uid
		}
	}
	if has > r.First && has <= r.Last && !taken(has) {
		return has, nil
	}
	tries := 0
	for size := r.Last - r.First; tries < size; tries++ {
		if next > r.Last {
			next = r.First + 1
		}
		if !given[next] && !taken(next) {
			break
		}
		next++
	}
	if tries == r.Last-r.First {
		return 0, fault.New(fault.Unavailable, `give tfops another range of users: runner { uids = "FIRST-LAST" }`,
			"all users of the range %s have been given to workspaces", r)
	}
	return next, durable.Write(path, fmt.Appendf(b, "%d %q\n", next, name))
}

// begin is the first user that a data directory gives to a workspace.
func begin(dataDir string, r sandbox.IDs) int {
	sum := sha256.Sum256([]byte(dataDir))
	return r.First + 1 + int(binary.BigEndian.Uint32(sum[:4])%uint32(r.Last-r.First))
}

// taken reports whether a number is somebody's on this machine.
func taken(id int) bool {
	text := strconv.Itoa(id)
	_, uerr := user.LookupId(text)
	_, gerr := user.LookupGroupId(text)
	return uerr == nil || gerr == nil
}

package gitrepo

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/packs"
)

// notFetched is the answer of every read before the first fetch.
func (m *Mirror) notFetched() error {
	return fault.New(fault.NotFound, "wait for the first fetch of the repository; `tfops status` shows how polling "+
		"goes",
		"repository %q has not been fetched yet", m.remote.Name)
}

func (m *Mirror) unknownCommit(sha string) error {
	return fault.New(fault.NotFound,
		"check the id; a commit that a force-push removed before it was ever fetched cannot be had",
		"repository %q has no commit %s in its mirror", m.remote.Name, sha)
}

// readFault turns an error of a read into a fault, and remembers damage so
// that the next fetch looks closely.
func (m *Mirror) readFault(ctx context.Context, what string, err error) error {
	var known *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case ctx.Err() != nil:
		return fault.New(fault.Unavailable, "", "repository %q: %s was stopped: %w", m.remote.Name, what, ctx.Err())
	}
	if errors.Is(err, packs.ErrMalformed) {
		return fault.New(fault.Invalid, "look at it with `git fsck`, and take it out of the repository",
			"repository %q: %s failed on an object that no Git writes: %w", m.remote.Name, what, err)
	}
	if failedPath(err) != "" && !errors.As(err, new(*packs.Damage)) {
		return fault.New(fault.Internal, "check that disk: its space, its rights, its health",
			"repository %q: %s failed: %w", m.remote.Name, what, err)
	}
	m.suspect.Store(true)
	m.submodules.mu.Lock()
	defer m.submodules.mu.Unlock()
	for _, sub := range m.submodules.open { // it may have been one of theirs
		sub.suspect.Store(true)
	}
	return fault.New(fault.Unavailable, "the mirror is checked and, if need be, cloned again at the next poll",
		"repository %q: %s failed, its mirror seems damaged: %w", m.remote.Name, what, err)
}

// fetchFault tells a failing disk of ours from a failing remote.
func (m *Mirror) fetchFault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() == nil && strings.HasPrefix(failedPath(err), m.dir) {
		return fault.New(fault.Internal, "check that disk: its space, its rights, its health",
			"repository %q: what was fetched cannot be stored: %w", m.remote.Name, err)
	}
	return m.remote.Fault(ctx, err)
}

func (m *Mirror) maintainFault(ctx context.Context, err error) error {
	err = m.readFault(ctx, "packing its mirror", err)
	if ctx.Err() != nil {
		return fault.New(fault.Unavailable, "it goes on at the next maintenance",
			"repository %q: packing its mirror was stopped: %w", m.remote.Name, ctx.Err())
	}
	return err
}

// failedPath is the file that an operation failed on; empty when it was none.
func failedPath(err error) string {
	var file *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &file):
		return file.Path
	case errors.As(err, &link):
		return link.Old
	}
	return ""
}

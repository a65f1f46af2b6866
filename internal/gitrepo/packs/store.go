package packs

import (
	"context"
	"crypto/sha1" //nolint:gosec // Git's own checksum
	"encoding/hex"
	"errors"
	"io"
	"os"
)

// Write stores what fill writes as one pack of the mirror in dir, and makes
// it durable. The zero packInfo says that fill wrote nothing.
func Write(ctx context.Context, dir string, fill func(io.Writer) error) (_ Info, err error) {
	file, err := os.CreateTemp(Dir(dir), ".tmp-*")
	if err != nil {
		return Info{}, err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if rerr := os.Remove(file.Name()); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}()
	in := &incoming{w: file, sum: sha1.New()}
	if err := fill(in); err != nil || in.n == 0 {
		return Info{}, err
	}
	if err := in.check(); err != nil {
		return Info{}, err
	}
	x := &indexer{file: file, size: in.n, dir: Dir(dir)}
	all, err := x.index(ctx)
	if err != nil || len(all) == 0 {
		return Info{}, err
	}
	info := Info{Name: "pack-" + hex.EncodeToString(in.last), Size: in.n}
	return info, placePack(dir, info.Name, file, all, in.last)
}

// placePack gives a pack its index and its name.
func placePack(dir, name string, file *os.File, all []packed, checksum []byte) error {
	idx, err := os.CreateTemp(Dir(dir), ".tmp-*")
	if err != nil {
		return err
	}
	err = writeIndex(idx, all, checksum)
	if err == nil {
		err = idx.Sync()
	}
	if err = errors.Join(err, idx.Close()); err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(file.Name(), Base(dir, name)+".pack")
	}
	if err == nil {
		err = os.Rename(idx.Name(), Base(dir, name)+".idx")
	}
	if err != nil {
		return errors.Join(err, os.Remove(idx.Name()))
	}
	return SyncPath(Dir(dir))
}

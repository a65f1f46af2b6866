package engines

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/tfops/tfops/internal/fault"
)

// maxBinary bounds what an archive may unpack to; an engine is about 90 MB.
const maxBinary = 1 << 30

// damaged is what to do about a release that its maker signed as it is.
const damaged = "exclude this version in the version constraint, or install a fitting one on PATH"

// archiveSum returns the SHA-256 of the binary in a verified archive. A
// signed archive may still be damaged: its own checksum of the content
// (CRC-32) must hold too.
func archiveSum(archive, name string) (string, error) {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return "", fault.New(fault.Invalid, damaged, "the archive is signed, but it cannot be read: %w", err)
	}
	defer r.Close()
	for _, entry := range r.File {
		if entry.Name != name {
			continue
		}
		sum, err := entrySum(entry)
		if err != nil {
			return "", fault.New(fault.Invalid, damaged, "the archive is signed, but %s in it is damaged: %w", name,
				err)
		}
		return sum, nil
	}
	return "", fault.New(fault.Invalid, damaged, "the archive is signed, but holds no %s", name)
}

func entrySum(entry *zip.File) (string, error) {
	r, err := entry.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, maxBinary+1))
	if err != nil {
		return "", err
	}
	if n > maxBinary {
		return "", fmt.Errorf("it is larger than %d MB", maxBinary>>20)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

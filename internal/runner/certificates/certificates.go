// Package certificates knows which authorities a process is to believe, as its environment says.
package certificates

import (
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tfops/tfops/internal/fault"
)

// maxCertificates bounds a file of certificates, in bytes; that of a system has
// a quarter of a megabyte.
const maxCertificates = 16 << 20

// Of gives the authorities of the system and those that SSL_CERT_FILE
// and SSL_CERT_DIR of env name. This process's own environment has neither: a
// runner's is next to empty. nil: the system's alone.
func Of(env map[string]string) (*x509.CertPool, error) {
	file, dirs := env["SSL_CERT_FILE"], filepath.SplitList(env["SSL_CERT_DIR"])
	if file == "" && len(dirs) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if file != "" {
		if err := addCertificates(pool, file); err != nil {
			return nil, fault.New(fault.Invalid, "correct SSL_CERT_FILE, or unset it",
				"the certificates that SSL_CERT_FILE names cannot be used: %w", err)
		}
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fault.New(fault.Invalid, "correct SSL_CERT_DIR, or unset it",
				"the certificates that SSL_CERT_DIR names cannot be read: %w", err)
		}
		for _, e := range entries {
			_ = addCertificates(pool, filepath.Join(dir, e.Name())) // other files lie in such directories, too
		}
	}
	return pool, nil
}

func addCertificates(pool *x509.CertPool, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &fs.PathError{Op: "read", Path: path, Err: errors.New("it is not a file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCertificates))
	if err == nil && !pool.AppendCertsFromPEM(text) {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("it holds no certificate")}
	}
	return err
}

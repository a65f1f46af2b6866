package seal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/tfops/tfops/internal/fault"
)

func sealed(t *testing.T, k *Key, text string) string {
	t.Helper()
	to, err := age.ParseX25519Recipient(k.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(text))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sealed.age")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	k, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Open(sealed(t, k, "a plan"))
	if err != nil || string(got) != "a plan" {
		t.Fatalf("got %q, %v", got, err)
	}
	info, _ := os.Stat(path)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %04o", info.Mode().Perm())
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 1 {
		t.Errorf("making a key left %d files", len(entries))
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if _, err := Load(path); !fault.Is(err, fault.NotFound) {
		t.Errorf("a missing key: %v", err)
	}
	k, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path); err == nil {
		t.Error("a key was replaced")
	}
	if again, err := Load(path); err != nil || again.Recipient() != k.Recipient() {
		t.Errorf("the key is not what it was: %v", err)
	}
	file := sealed(t, k, "a plan")
	other, err := Create(filepath.Join(dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(file); !fault.Is(err, fault.Invalid) || fault.Next(err) == "" {
		t.Errorf("another key: %v", err)
	}
	b, _ := os.ReadFile(file)
	b[len(b)-1] ^= 1
	os.WriteFile(file, b, 0o600)
	if got, err := k.Open(file); err == nil {
		t.Errorf("a damaged file was read as %q", got)
	}
	os.Chmod(path, 0o640)
	if _, err := Load(path); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a key that others can read: %v", err)
	}
	os.Chmod(path, 0o600)
	os.WriteFile(path, []byte("garbage"), 0o600)
	if _, err := Load(path); !fault.Is(err, fault.Invalid) {
		t.Errorf("garbage: %v", err)
	}
}

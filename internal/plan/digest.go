package plan

import (
	"crypto/sha256"
	"encoding/hex"
)

// Digest names a saved plan by its content: "sha256:" and the hex SHA-256 of
// the plan file as the engine wrote it.
func Digest(planFile []byte) string {
	sum := sha256.Sum256(planFile)
	return "sha256:" + hex.EncodeToString(sum[:])
}

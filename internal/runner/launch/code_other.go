//go:build !amd64 && !arm64

package launch

// Supported reports whether programs can be made for this machine.
const Supported = false

const machine = 0

func code(uint32, uint32) []byte { return nil }

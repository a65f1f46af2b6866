//go:build !amd64 && !arm64

package launch

const auditArch = 0

var forbiddenHere []uint32

var modesHere []mode

package launch

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// forbiddenHere are calls that arm64 alone has.
var forbiddenHere = []uint32{unix.SYS_NFSSERVCTL}

var modesHere []mode

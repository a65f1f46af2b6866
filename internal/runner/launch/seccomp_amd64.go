package launch

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// forbiddenHere are calls that amd64 alone has.
var forbiddenHere = []uint32{unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_USELIB, unix.SYS__SYSCTL, unix.SYS_SYSFS,
	unix.SYS_CREATE_MODULE, unix.SYS_GET_KERNEL_SYMS, unix.SYS_QUERY_MODULE, unix.SYS_NFSSERVCTL, unix.SYS_MODIFY_LDT}

// modesHere are calls that amd64 alone has; see modes.
var modesHere = []mode{{nr: unix.SYS_CHMOD, arg: 1}, {nr: unix.SYS_MKNOD, arg: 1}, {nr: unix.SYS_CREAT, arg: 1},
	{nr: unix.SYS_OPEN, arg: 2, flags: 1}}

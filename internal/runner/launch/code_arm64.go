package launch

import "encoding/binary"

// Supported reports whether programs can be made for this machine.
const Supported = true

const machine = 183 // EM_AARCH64

// code walks the table of calls. It was assembled of:
//
//	      mov  x19, sp
//	      movz x20, #TABLE & 0xffff
//	      movk x20, #TABLE >> 16, lsl #16
//	      movz x21, #RECORD
//	next: ldr  x8, [x20]
//	      ldr  x0, [x20, #8] … ldr x5, [x20, #48]
//	      ldr  x9, [x20, #56]
//	      tbz  x9, #1, call             becomes
//	      str  x0, [x19, #8]            argv[0] = path
//	      add  x1, x19, #8              argv
//	      ldr  x10, [x19]
//	      add  x2, x19, x10, lsl #3
//	      add  x2, x2, #16              envp
//	call: svc  #0
//	      cmn  x0, #4095
//	      b.hs fail
//	done: tbnz x9, #2, next             repeats
//	      add  x20, x20, #64
//	      b    next
//	fail: tbnz x9, #0, done             mayFail
//	      sub  sp, sp, #16
//	      str  x20, [sp]
//	      str  x0, [sp, #8]
//	      mov  x0, x21
//	      mov  x1, sp
//	      mov  x2, #16
//	      mov  x8, #SYS_write
//	      svc  #0
//	      mov  x0, #failed
//	      mov  x8, #SYS_exit_group
//	      svc  #0
func code(table, record uint32) []byte {
	const x20, x21 = 20, 21
	words := []uint32{
		0x910003f3,
		0xd2800000 | table&0xffff<<5 | x20,
		0xf2a00000 | table>>16<<5 | x20,
		0xd2800000 | record&0xffff<<5 | x21,
		0xf9400288,
		0xf9400680, 0xf9400a81, 0xf9400e82, 0xf9401283, 0xf9401684, 0xf9401a85,
		0xf9401e89,
		0x360800c9,
		0xf9000660,
		0x91002261,
		0xf940026a,
		0x8b0a0e62,
		0x91004042,
		0xd4000001,
		0xb13ffc1f,
		0x54000082,
		0x3717fde9,
		0x91010294,
		0x17ffffed,
		0x3707ffa9,
		0xd10043ff,
		0xf90003f4,
		0xf90007e0,
		0xaa1503e0,
		0x910003e1,
		0xb27c03e2,
		0xb27a03e8,
		0xd4000001,
		0xd2800fa0,
		0xd2800bc8,
		0xd4000001,
	}
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

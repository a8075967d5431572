/* A kernel that does nothing, for ever: its VM is one that boots. */
.globl _start
_start:
	hlt
	jmp _start

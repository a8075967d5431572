"""tiny.py FILE halt|spin: a kernel for Firecracker that does nothing, or nothing else than use its CPU: an ELF file
(elf(5)) of one segment at 16 MiB."""
import struct
import sys

code = {"halt": b"\xfa\xf4\xeb\xfc", "spin": b"\xeb\xfe"}[sys.argv[2]]  # cli; hlt; jmp to the start / jmp to itself
address, header, program = 16 << 20, 64, 56
elf = struct.pack("<4s12sHHIQQQIHHHHHH", b"\x7fELF", bytes([2, 1, 1]), 2, 62, 1, address, header, 0, 0, header, program,
                  1, 64, 0, 0)
load = struct.pack("<IIQQQQQQ", 1, 5, header + program, address, address, len(code), len(code), 4096)
with open(sys.argv[1], "wb") as file:
    file.write(elf + load + code)

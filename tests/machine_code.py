"""Machine code of a cubin without a disassembler: its ELF sections, and which matrix instructions a kernel holds.

From sm_70 on an instruction is 16 bytes; its lowest 9 bits name the operation, the next 3 the form of its operands.
The two operations here were read with nvdisasm 13.5 from kernels of one mma.sync m16n8k16 (HMMA on sm_80, 90, 90a and
100) and of one wgmma m64n8k16 (HGMMA on sm_90a).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

OPERATIONS = {"HMMA": 0x03C, "HGMMA": 0x1F0}
INSTRUCTION_BYTES = 16
NO_BITS = 8  # ELF's SHT_NOBITS: a section that takes no room in the file


def matrix_instructions(cubin: bytes, kernel: str) -> dict[str, int]:
    """How often each of OPERATIONS stands in `kernel`; KeyError where the cubin has no such kernel."""
    code = dict(_sections(cubin))[f".text.{kernel}"]
    found = [int.from_bytes(code[at : at + 2], "little") & 0x1FF for at in range(0, len(code), INSTRUCTION_BYTES)]
    return {name: found.count(operation) for name, operation in OPERATIONS.items()}


def _sections(elf: bytes) -> Iterator[tuple[str, bytes]]:
    (table,) = struct.unpack_from("<Q", elf, 0x28)
    entry_bytes, entries, names_entry = struct.unpack_from("<HHH", elf, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", elf, table + entry * entry_bytes) for entry in range(entries)]
    names = headers[names_entry][4]
    for name, kind, _, _, offset, size in headers:
        start = names + name
        yield elf[start : elf.index(0, start)].decode(), b"" if kind == NO_BITS else elf[offset : offset + size]

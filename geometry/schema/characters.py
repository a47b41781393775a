"""Characters of labels, keys and names that are shown or escaped and never obeyed, on terminals, in JSON and on pages.

Control characters move cursors and colour text; those that turn the direction of writing make one name look like
another; and a line of JSON is cut by some readers (str.splitlines) at more than line ends. Nothing heavy is imported.
"""

from __future__ import annotations

KEPT = "\n\t"
TURNING = (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))  # of the direction of writing
LATE_CONTROLS = range(0x7F, 0xA0)  # those that JSON leaves as they are
ESCAPED = {code: f"\\u{code:04x}" for code in (*LATE_CONTROLS, 0x2028, 0x2029, *TURNING)}  # in JSON
SHOWN = {code: f"\\x{code:02x}" for code in (*range(32), *LATE_CONTROLS, *TURNING) if chr(code) not in KEPT}


def printable(text: str) -> str:
    """The text with \\xNN for every character that cannot be seen, line ends and tabs aside."""
    return "".join(char if char.isprintable() or char in KEPT else f"\\x{ord(char):02x}" for char in text)

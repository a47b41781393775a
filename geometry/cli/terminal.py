"""Output for a terminal: control characters of labels, keys and file names are shown, never obeyed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

from geometry.errors import InputError
from geometry.schema.characters import SHOWN


class Plain:
    """A text stream on which control characters but line ends and tabs come out as \\xNN.

    Where nothing can be written any more it is an InputError, and a BrokenPipeError where the reader has left; idle: no
    error, because what is said there is not what the command is for.
    """

    def __init__(self, stream: TextIO, *, idle: bool = False):
        self._stream, self._idle = stream, idle

    def write(self, text: str) -> int:
        """The length of the text as it was given."""
        self._say(lambda: self._stream.write(text.translate(SHOWN)))
        return len(text)

    def flush(self) -> None:
        """As of any stream."""
        self._say(self._stream.flush)

    def _say(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            if isinstance(error, BrokenPipeError) and not self._idle:
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            if not self._idle:
                raise InputError(f"standard output cannot be written ({error.strerror}); send it elsewhere") from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def plain_streams() -> Iterator[None]:
    """Standard output and error as plain streams, for as long as the block lasts."""
    out, err = cast(TextIO, Plain(sys.stdout)), cast(TextIO, Plain(sys.stderr, idle=True))
    with redirect_stdout(out), redirect_stderr(err):
        yield

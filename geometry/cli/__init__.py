"""The command `geometry`: parse, call, exit code. Only commands that work are registered.

Exit codes stand in `geometry.cli.endings`. Modules that need torch are imported by the command that runs, so that
--help answers at once.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from geometry.cli import (
    ablate,
    analyze,
    capture,
    compare,
    demo,
    doctor,
    examples,
    explain,
    fingerprint,
    gate,
    generate,
    info,
    inspect,
    merge,
    ranks,
    report,
    rerun,
)
from geometry.cli.endings import USAGE, code_of, said_of, tidy
from geometry.cli.terminal import plain_streams

COMMANDS = (
    demo, analyze, compare, ablate, inspect, doctor, fingerprint, capture, generate,
    gate, merge, rerun, explain, info, report,
)  # fmt: skip
CODES = (
    "Exit codes: 0 ok, 1 gate failed or set not clean, 2 usage, 3 unreadable or unsafe input, 4 out of memory, "
    "5 partial result, 130 interrupted."
)
WAIT = "PASSIVE"  # idle threads sleep: with a busy neighbour on two cores, spinning ones made a run five times as long


class Text(argparse.HelpFormatter):
    """Help as wide as the terminal, up to 100 characters; a text with indented lines of its own stays as it is."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=min(shutil.get_terminal_size().columns, 102) - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n  " in text else super()._fill_text(text, width, indent)


class Parser(argparse.ArgumentParser):
    """argparse that suggests the flag or command that was meant and never guesses at an abbreviation."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, "formatter_class": Text, **kwargs})

    def error(self, message: str) -> NoReturn:
        hint = self._hint(message) or f"; see `{self.prog} --help`"
        self.exit(USAGE, f"{self.prog}: error: {message}{hint}\n")

    def _hint(self, message: str) -> str:
        """The flag or choice that is closest to one that is not there."""
        wrong = re.search(r"unrecognized arguments: (.*)|invalid choice: '(.*?)'", message)
        known = [option for action in self._actions for option in action.option_strings]
        known += [name for action in self._actions for name in (action.choices or ()) if isinstance(name, str)]
        for word in " ".join(part or "" for part in wrong.groups()).split() if wrong else ():
            close = difflib.get_close_matches(word.split("=")[0], known, 1, 0.7)
            if close:
                return f"; did you mean '{close[0]}'?"
        return ""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but an unknown flag is reported by the command it was given to."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            told = f"unrecognized arguments: {' '.join(unknown)}"
            if getattr(found, "statistics", "default") != "default" and not unknown[0].startswith("-"):
                told += f"; several statistics are parted by commas: --statistics {found.statistics},{unknown[0]}"
            getattr(found, "parser", self).error(told)
        return found


def parser() -> Parser:
    """The whole command line."""
    top = Parser(
        prog="geometry",
        description="Geometry of embedding sets over generations: dimension, collapse, verdict.",
        epilog=CODES,
    )
    top.add_argument("--version", action="version", version=_version())
    subparsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for command in COMMANDS:
        command.add(subparsers)
    for (name, one), command in zip(subparsers.choices.items(), COMMANDS, strict=True):
        one.set_defaults(parser=one)
        one.description = one.description or command.__doc__
        one.epilog = one.epilog or examples.shown(name)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    os.environ.setdefault("OMP_WAIT_POLICY", WAIT)
    with plain_streams(), ranks.one_speaks():
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    top = parser()
    if not (sys.argv[1:] if argv is None else argv):
        top.print_help(sys.stderr)
        return USAGE
    args = top.parse_args(argv)
    return _ended(args, lambda: ranks.run(args, lambda: _ended(args, lambda: _command(args))))


def _command(args: argparse.Namespace) -> int:
    with tidy(args):
        code = int(args.run(args))
    sys.stdout.flush()
    return code


def _ended(args: argparse.Namespace, work: Callable[[], int]) -> int:
    """The exit code of `work`, its error told where a user can meet it."""
    try:
        return work()
    except BrokenPipeError:  # the reader of our output has left; there is nobody to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        said = said_of(error, args)
        if said is None:
            raise
        return _say(said, code_of(error))


def _say(message: str, code: int) -> int:
    print(f"geometry: {message}", file=sys.stderr)
    return code


def _version() -> str:
    from geometry import __version__

    return f"geometry {__version__}"

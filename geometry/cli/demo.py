"""`geometry demo`: a real self-consuming loop on real images, analysed: does it collapse, and would keeping data help?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from geometry.cli.analyze import add_run_options, require_place, set_threads, show, teller

DEFAULT = Path("demo")


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "demo", help="a VAE retrained on its own digits, under two regimes, with full analysis"
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=DEFAULT, metavar="DIR", help="where everything goes (demo)"
    )
    parser.add_argument("--force", action="store_true", help="write into DIR although it holds another run")
    parser.add_argument("--generations", type=int, default=9, help="generations that are retrained (9)")
    add_run_options(parser)
    parser.set_defaults(run=run)

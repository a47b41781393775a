"""`geometry gate DIR --fail-on 'effective_rank<0.8x'`: exit code 1 if a condition holds of a finished run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometry.cli.report import folder_of_run

if TYPE_CHECKING:
    from geometry.gate import Policy


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("gate", help="exit 1 if a condition holds of a run", description=__doc__)
    parser.add_argument("folder", metavar="DIR", type=folder_of_run, help="folder that `geometry analyze -o` wrote")
    parser.add_argument(
        "--fail-on",
        nargs="+",
        action="extend",
        default=[],
        metavar="COND",
        help="NAME[.VARIANT] < NUMBER, with <, <=, >, >=; 0.8x is .8 times the reference, 4z in standard errors",
    )
    parser.add_argument("--policy", type=Path, metavar="FILE", help="a TOML file of conditions, as --fail-on and below")
    parser.add_argument("--against", type=Path, metavar="RUN", help="an earlier run for x (the run's own reference)")
    parser.add_argument("--last", action="store_true", help="look at the newest generation alone (all but reference)")
    parser.add_argument(
        "--layer", nargs="+", action="extend", metavar="NAME", help="of these layers alone, or patterns"
    )
    parser.add_argument("--generation", nargs="+", action="extend", type=int, metavar="N", help="of these alone")
    parser.add_argument("--missing", choices=("fail", "pass"), help="what a missing value means (fail)")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the checks as JUnit XML too")
    parser.add_argument("-j", "--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check, show, and write the JUnit file; 0 where nothing holds, 1 where something does."""
    from geometry.gate import check, junit
    from geometry.schema import dumps, read_run, readable, write_text

    policy = _policy(args)
    earlier = None if policy.against is None else read_run(policy.against)
    with readable(args.folder):
        checks = check(read_run(args.folder), policy, earlier)
    bad = [one for one in checks if one.outcome == "failed" or (one.outcome, policy.missing) == ("missing", "fail")]
    if args.junit is not None:
        write_text(args.junit, junit(checks, missing=policy.missing))
    if args.json:
        print(dumps({"passed": not bad, "checks": [one.as_dict() for one in checks]}))
    else:
        print("\n".join(one.told for one in checks))
        counted = f"{len(checks)} check{'s' if len(checks) != 1 else ''}"
        print(f"{counted}, {len(bad)} failed" if bad else f"{counted}, all passed")
    return 1 if bad else 0


def _policy(args: argparse.Namespace) -> Policy:
    """The policy of the file, with what the command line says in place of its own."""
    from dataclasses import replace

    from geometry.gate import Policy, read_policy
    from geometry.verdict.conditions import parse_all

    found = Policy() if args.policy is None else read_policy(args.policy)
    given = {"against": args.against, "missing": args.missing, "look_at": "last" if args.last else None}
    given |= {"layers": args.layer and tuple(args.layer), "generations": args.generation and tuple(args.generation)}
    told: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(found, fail_on=(*found.fail_on, *parse_all(args.fail_on)), **told)

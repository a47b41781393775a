"""`make fuzz`: every parser of `targets` on files that atheris (libFuzzer) makes of whole ones, guided by coverage.

    python -m tests.hostile.fuzz [NAME...] [--seconds 60] [--folder build/fuzz]

Each target runs in a process of its own for so many seconds; its corpus and the files that broke it are kept in
FOLDER/NAME. Exit code 1 if a file raised anything but an error of ours that says where, took two seconds, or 256 MB.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

from tests.hostile.targets import TARGETS, Defect, Target, look

SECONDS, MIB = 2.0, 256


def main() -> int:
    """Every target named, or all, one after another."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *TARGETS], metavar="NAME", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="of every target (60)")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="of corpora and findings (build/fuzz)")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.here:
        run(TARGETS[args.names[0]], args.folder, args.seconds)
    broken = []
    for name in args.names or TARGETS:
        folder = args.folder / name.replace(" ", "-")
        words = [name, "--here", "--seconds", str(args.seconds), "--folder", str(folder)]
        if subprocess.run([sys.executable, "-m", "tests.hostile.fuzz", *words], check=False).returncode != 0:
            broken.append(f"{name}: {', '.join(str(path) for path in folder.glob('*-*')) or 'did not start'}")
    print("\n".join(broken) or "nothing broke")
    return 1 if broken else 0


def run(target: Target, folder: Path, seconds: int) -> None:
    """Fuzz one target until the time is over or something breaks; ends the process."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed{number}").write_bytes(seed())
    warnings.simplefilter("error")
    with TemporaryDirectory() as scratch:
        place = Path(scratch) / "place"

        def once(data: bytes) -> None:
            start = time.process_time()
            look(target, data, place)
            if time.process_time() - start > SECONDS:
                raise Defect(f"took {time.process_time() - start:.1f} s")

        with atheris.instrument_imports(include=["geometry"]):
            accepted = [look(target, seed(), place) for seed in target.seeds]
        if not all(accepted):
            raise Defect("a whole file was refused")
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 + MIB
        flags = [f"-max_total_time={seconds}", f"-rss_limit_mb={most}", f"-artifact_prefix={folder}/"]
        atheris.Setup([sys.argv[0], str(corpus), *flags, "-timeout=60", "-print_final_stats=1"], once)
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())

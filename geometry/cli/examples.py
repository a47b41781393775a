"""What `geometry COMMAND --help` shows below the options: command lines that work, as a user would type them.

`RUN` stands for a folder that `geometry analyze -o` wrote. A test parses every line.
"""

from __future__ import annotations

import re

WIDTH = 72
CONTINUED = " \\\n      "
EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": ("geometry demo", "geometry demo -o shown --generations 5"),
    "analyze": (
        "geometry analyze 'runs/gen_{generation}/embeddings.npy' -o report",
        "geometry analyze before.npy after.npz:hidden --statistics two_nn,effective_rank,prdc --json",
        "geometry analyze layers --by layer -o heat",
        "geometry analyze runs -o report --log metrics.csv --format png svg",
        "geometry analyze huge.npy --memory-budget 1G --dry-run",
    ),
    "compare": (
        "geometry compare real.npy generated.npy -o report",
        "geometry compare a.npy b.npy --paired --statistics cka,procrustes",
        "geometry compare A.fingerprint B.fingerprint",
    ),
    "ablate": (
        "geometry ablate pca --data groups.npz --groups source -o ablation",
        "geometry ablate 'python train.py {data} {probe} {embeddings} --seed {seed}' --data groups.npz -o ablation",
    ),
    "inspect": (
        "geometry inspect model.safetensors",
        "geometry inspect after.pt --spectra '*.weight' --against before.pt",
        "geometry inspect 'A.safetensors + C.safetensors - .5*P.safetensors' --spectra",
    ),
    "doctor": ("geometry doctor embeddings.npy", "geometry doctor runs --json"),
    "fingerprint": (
        "geometry fingerprint runs/gen_0/embeddings.npy -o prints",
        "geometry fingerprint day_1.npy day_2.npy --merge -o week.fingerprint",
    ),
    "capture": (
        "geometry capture --model net:build --checkpoint 'checkpoints/gen_{generation}/model.safetensors' "
        "--data probe.npz --layers stem 'blocks.*' -o layers",
        "geometry capture --model bert-folder --data lines.txt --layers 'encoder.layer.*' --pool cls -o layers",
    ),
    "generate": (),
    "gate": (
        "geometry gate RUN --fail-on 'effective_rank<0.8x' 'prdc.recall<0.5' --junit gate.xml",
        "geometry gate RUN --policy gate.toml --against LAST_NIGHT --last",
    ),
    "merge": ("geometry merge parts/1 parts/2 -o joined",),
    "rerun": ("geometry rerun RUN/run.json", "geometry rerun RUN moved/gen_0.npy moved/gen_1.npy"),
    "explain": ("geometry explain", "geometry explain structure_gain"),
    "info": ("geometry info", "geometry info --schema"),
    "report": ("geometry report RUN --format svg,pdf --plate",),
}


def shown(command: str) -> str:
    """The examples of a command as the end of its help; nothing where it has none."""
    lines = EXAMPLES[command]
    return "\n".join(["examples:", *map(_broken, lines)]) if lines else ""


def _broken(line: str) -> str:
    """A line indented, and continued where it is long; what stands in quotes stays together."""
    rows = [""]
    for word in re.findall(r"(?:'[^']*'|[^\s'])+", line):
        if len(rows[-1]) + len(word) > WIDTH:
            rows.append("")
        rows[-1] += f" {word}" if rows[-1] else word
    return "  " + CONTINUED.join(rows)

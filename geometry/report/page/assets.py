"""Style, script and shaders of the page, put together from the files beside this module, and its security policy.

The script is its modules one after the other, with the shaders as constants. The policy allows this script and this
style by their SHA-256 (CSP level 3) and nothing else: no other script, no network, no frame, no form.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
MODULES = (
    "record", "state", "palette", "camera", "cloud", "paint", "gl", "stage", "arrows", "overlay", "pick", "pointer",
    "tooltip", "svg", "trends", "plane", "spectra", "histograms", "heat", "verdict", "legend", "controls", "picture",
    "start",
)  # fmt: skip


@cache
def style() -> str:
    """The style sheet."""
    return (HERE / "page.css").read_text("utf-8")


@cache
def script() -> str:
    """The whole script."""
    shaders = {path.name: path.read_text("utf-8") for path in sorted((HERE / "shader").iterdir()) if path.is_file()}
    modules = [(HERE / "script" / f"{name}.js").read_text("utf-8") for name in MODULES]
    return "\n".join(['"use strict";', f"const SHADERS = {json.dumps(shaders)};", *modules])


@cache
def stage() -> str:
    """The markup that the script fills."""
    return (HERE / "stage.html").read_text("utf-8")


@cache
def policy() -> str:
    """The content security policy of the page."""
    return (
        f"default-src 'none'; script-src '{_digest(script())}'; style-src '{_digest(style())}'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")

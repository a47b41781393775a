"""Checks as a JUnit file, which continuous integration reads: one test case per condition and set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from geometry.gate.checks import Check

FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def junit(checks: Sequence[Check], *, missing: str = "fail") -> str:
    """The XML text. missing: `pass` makes a missing value a skipped case, `fail` an error."""
    lost = [one for one in checks if one.outcome == "missing"]
    counts = {
        "tests": len(checks),
        "failures": sum(one.outcome == "failed" for one in checks),
        "errors": len(lost) if missing == "fail" else 0,
        "skipped": 0 if missing == "fail" else len(lost),
    }
    named = {"name": "geometry gate", "time": "0"} | {key: str(count) for key, count in counts.items()}
    suite = ElementTree.Element("testsuite", named)
    for one in checks:
        where = ".".join(filter(None, ("geometry", one.layer, one.name)))
        named = {"classname": _text(where), "name": _text(one.condition), "time": "0"}
        case = ElementTree.SubElement(suite, "testcase", named)
        if one.outcome == "failed":
            _told(case, "failure", one, type="condition")
        elif one.outcome == "missing":
            if missing == "fail":
                _told(case, "error", one, type="missing")
            else:
                _told(case, "skipped", one)
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, "unicode") + "\n"


def _told(case: ElementTree.Element, tag: str, one: Check, **named: str) -> None:
    """The check in words twice: Jenkins shows the attribute, GitLab the text."""
    ElementTree.SubElement(case, tag, {**named, "message": _text(one.told)}).text = _text(one.told)


def _text(value: str) -> str:
    return FORBIDDEN.sub("�", value)

"""The page: one closed file, everything escaped, every word of the verdict on it."""

import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest
import records
from outline import outline

from geometry.report.captions import CAPTIONS
from geometry.report.page import page
from geometry.types import Record

HOSTILE = "</script><img onerror=alert(1) src=x>"
PNG = records.png(1200, 600)


@pytest.fixture(scope="module")
def text():
    return page(records.record(), dict.fromkeys(CAPTIONS, PNG))


def test_the_file_is_well_formed_and_in_outline(text):
    parser = outline(text)
    levels = [level for level, _ in parser.headings]
    assert levels.count("h1") == 1 and levels[0] == "h1"
    assert [words for level, words in parser.headings if level == "h2"] == [
        "Data against the null", "The plane", "The spectra", "The trends", "Layers by generations", "Generations",
        *(caption.heading for caption in CAPTIONS.values()), "Warnings", "Inputs", "How this was made",
    ]  # fmt: skip


def test_nothing_is_fetched_and_only_its_own_script_runs(text):
    parser = outline(text)
    style, record, script = parser.code
    (policy,) = [attrs["content"] for tag, attrs in parser.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    digests = [
        "'sha256-" + base64.b64encode(hashlib.sha256(c.encode()).digest()).decode() + "'" for c in (style, script)
    ]
    assert directives == {
        "default-src": "'none'", "script-src": digests[1], "style-src": digests[0], "img-src": "data: blob:",
        "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip
    assert not {tag for tag, _ in parser.tags} & {"link", "iframe", "object", "embed", "form"}
    assert all(attrs["src"].startswith("data:image/png;base64,") for tag, attrs in parser.tags if tag == "img")
    assert not any("style" in attrs or any(key.startswith("on") for key in attrs) for _, attrs in parser.tags)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|innerHTML|eval\(", text)
    assert [kind.get("type") for tag, kind in parser.tags if tag == "script"] == ["application/json", None]
    assert set(re.findall(r"https?://[^\s\"']+", text)) == {"http://www.w3.org/2000/svg"}
    assert json.loads(record)["layers"][0]["clouds"]["generations"][4]["count"] == records.N


def test_every_picture_says_what_it_shows(text):
    images = [attrs for tag, attrs in outline(text).tags if tag == "img"]
    assert len(images) == len(CAPTIONS)
    assert (images[0]["width"], images[0]["height"], images[0]["class"]) == ("1200", "600", "wide")
    said = dict(zip(CAPTIONS, (attrs["alt"] for attrs in images), strict=True))
    assert "generation 4 sphere-like" in said["map"]
    assert "tails from generation 1" in said["trends"]


def test_verdict_values_and_sources_are_on_the_page(text):
    words = "".join(outline(text).words)
    for expected in (
        records.record().run["verdict"]["summary"], "tails from generation 1 (between 1 and 2)", "provisional",
        "1.080 to 1.120", "−0.940 to −0.820", "hollow", "3 exact copies", f"sha256:{4:064x}",
        "clean", "exact copies 3", "torch-cpu", "radius fidelity",
    ):  # fmt: skip
        assert expected in words


def test_every_word_stays_text():
    record = records.record(2)
    run = {**record.run, "warnings": [HOSTILE], "versions": {HOSTILE: HOSTILE}}
    run["inputs"] = [{**one, "name": HOSTILE, "layer": HOSTILE, "source": HOSTILE} for one in run["inputs"]]
    run["verdict"] = {
        "summary": HOSTILE,
        "onsets": {HOSTILE: {"generation": 1, "low": 0, "high": 1, "provisional": True}},
        "generations": [
            {"generation": g, "name": HOSTILE, "state": HOSTILE, "reason": HOSTILE, "flags": [HOSTILE],
             "changes": [HOSTILE], "evidence": {"state": {HOSTILE: HOSTILE}, "changes": {HOSTILE: [HOSTILE]}}}
            for g in range(2)
        ],
    }  # fmt: skip
    text = page(replace(record, run=run), {"map": PNG})
    parser = outline(text)
    assert "<img onerror" not in text
    assert [tag for tag, _ in parser.tags].count("script") == 2
    assert sum(tag == "img" for tag, _ in parser.tags) == 1
    assert "".join(parser.words).count(HOSTILE) >= 15


def test_an_empty_record_has_a_page():
    assert "No verdict was given." in "".join(outline(page(Record({}, [], {}), {})).words)


def test_light_and_dark_and_narrow_are_provided_for(text):
    assert "prefers-color-scheme: dark" in text and "width=device-width" in text
    assert "overflow-x: auto" in text

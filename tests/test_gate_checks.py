"""Conditions against a run: what fails, passes, is missing; against the reference, an earlier run, a layer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from geometry.errors import InputError, UsageError
from geometry.gate import Policy, check, junit, read_policy
from geometry.types import Record
from geometry.verdict.conditions import parse_all

RANKS = (10.0, 9.0, 7.0)


def row(position: int, name: str, variant: str, value: float | None, z: float | None = None) -> dict[str, Any]:
    return {"position": position, "name": name, "variant": variant, "value": value, "z": z}


def run(ranks: tuple[float | None, ...] = RANKS, generations: tuple[int, ...] = (0, 1, 2)) -> Record:
    """Sets with a rank of two variants, a mean cosine without value at the end, and tails in the evidence."""
    rows = [row(g, "effective_rank", "covariance", value, -g) for g, value in enumerate(ranks)]
    rows += [row(g, "effective_rank", "singular", 20.0) for g in range(len(ranks))]
    rows += [row(g, "mean_cosine", "", 0.1 if g < 2 else None) for g in range(len(ranks))]
    inputs = [{"generation": g, "layer": "", "name": f"gen_{g}"} for g in generations]
    told = [
        {"generation": g, "evidence": {"changes": {"tails": {"effect": 1.0 - 0.3 * g, "z": 2.5 * g}}}}
        for g in generations
    ]
    return Record({"reference": 0, "inputs": inputs, "verdict": {"generations": told}}, rows, {})


def outcomes(*conditions: str, of: Record | None = None, earlier: Record | None = None, **policy: Any) -> list[str]:
    found = check(of or run(), Policy(parse_all(conditions), **policy), earlier)
    return [one.outcome for one in found]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("effective_rank<0.8x", ["passed", "failed"]),
        ("effective_rank.covariance<0.95x", ["failed", "failed"]),
        ("effective_rank.singular<0.95x", ["passed", "passed"]),
        ("effective_rank.covariance<=9", ["failed", "failed"]),
        ("effective_rank.covariance<9", ["passed", "failed"]),
        ("effective_rank>19", ["failed", "failed"]),
        ("effective_rank.covariance.z<-1.5", ["passed", "failed"]),
        ("tails.z>4", ["passed", "failed"]),
        ("tails<0.5", ["passed", "failed"]),
        ("mean_cosine>0.05", ["failed", "missing"]),
        ("effective_rank.singular>1z", ["missing", "missing"]),
    ],
)
def test_conditions_on_all_but_the_reference(condition: str, expected: list[str]) -> None:
    assert outcomes(condition) == expected


def test_a_ratio_to_the_reference_is_no_multiple_of_it() -> None:
    """The reference has no row of such a variant; a row of its own without a value is missing all the same."""
    plain = run()
    with_ratio = replace(plain, results=[*plain.results, row(1, "effective_rank", "ratio", 0.5)])
    assert outcomes("effective_rank.covariance<0.8x", "effective_rank<0.8x", of=with_ratio)[:2] == ["passed", "passed"]
    assert outcomes("effective_rank.ratio<0.8x", of=with_ratio)[0] == "missing"
    valueless = replace(with_ratio, results=[*with_ratio.results, row(0, "effective_rank", "ratio", None)])
    assert outcomes("effective_rank<0.8x", of=valueless)[0] == "missing"


def test_only_the_newest_is_looked_at_where_asked() -> None:
    (one,) = check(run(), Policy(parse_all("effective_rank<0.8x"), look_at="last"))
    assert (one.generation, one.outcome, one.value, one.reference) == (2, "failed", 7.0, 10.0)
    assert one.variant == "covariance" and "7" in one.told and "gen_2" in one.told


def test_a_set_alone_is_looked_at_itself() -> None:
    assert outcomes("effective_rank.covariance<11", of=run((10.0,), (0,))) == ["failed"]


def test_an_earlier_run_gives_the_reference_by_generation_or_its_last() -> None:
    earlier = run((10.0, 20.0), (0, 1))
    assert outcomes("effective_rank.covariance<0.5x", earlier=earlier) == ["failed", "failed"]
    assert outcomes("effective_rank.covariance<0.4x", earlier=earlier) == ["passed", "failed"]
    same = outcomes("effective_rank.covariance<1x", "effective_rank.covariance>1x", earlier=run())
    assert same == ["passed"] * 4


def test_layers_have_their_own_reference() -> None:
    one = run()
    inputs = [{"generation": g % 2, "layer": f"l{g // 2}", "name": f"g{g}"} for g in range(4)]
    rows = [row(g, "effective_rank", "", value) for g, value in enumerate((10.0, 9.0, 4.0, 1.0))]
    told = [{"generation": g % 2, "evidence": {"changes": {}}} for g in range(4)]
    layers = [{"layer": "l0", "reference": 0}, {"layer": "l1", "reference": 2}]
    of = replace(
        one, run={"reference": 0, "inputs": inputs, "verdict": {"generations": told, "layers": layers}}, results=rows
    )
    found = check(of, Policy(parse_all("effective_rank<0.5x"), look_at="last"))
    assert [(c.layer, c.outcome, c.reference) for c in found] == [("l0", "passed", 10.0), ("l1", "failed", 4.0)]


def test_layers_and_generations_are_chosen() -> None:
    one = run()
    inputs = [{"generation": g % 3, "layer": f"block.{g // 3}", "name": f"g{g}"} for g in range(6)]
    rows = [row(g, "effective_rank", "", value) for g, value in enumerate((10.0, 9.0, 4.0, 8.0, 2.0, 1.0))]
    told = [{"generation": g % 3, "evidence": {"changes": {}}} for g in range(6)]
    layers = [{"layer": "block.0", "reference": 0}, {"layer": "block.1", "reference": 3}]
    of = replace(
        one, run={"reference": 0, "inputs": inputs, "verdict": {"generations": told, "layers": layers}}, results=rows
    )

    def looked_at(**policy: Any) -> list[tuple[str, int]]:
        return [(c.layer, c.generation) for c in check(of, Policy(parse_all("effective_rank<0.5x"), **policy))]

    assert looked_at(layers=("*.1",)) == [("block.1", 1), ("block.1", 2)]
    assert looked_at(generations=(2,)) == [("block.0", 2), ("block.1", 2)]
    assert looked_at(layers=("block.0",), generations=(0, 1)) == [("block.0", 0), ("block.0", 1)]
    assert looked_at(layers=("block.1",), look_at="last") == [("block.1", 2)]
    with pytest.raises(UsageError, match=r"layer head; the run has block\.0, block\.1"):
        looked_at(layers=("head",))
    with pytest.raises(UsageError, match="generation 7; the run has 1, 2"):
        looked_at(generations=(7,))


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("efective_rank<1", "'effective_rank'"),
        ("effective_rank.covarianc<1", "'covariance'"),
        ("xyz<1", "there are .* --statistics"),
    ],
)
def test_a_name_that_is_not_there_is_no_pass(condition: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        outcomes(condition)
    with pytest.raises(UsageError, match="no condition"):
        outcomes()


def test_junit_counts_and_escapes() -> None:
    from xml.etree import ElementTree

    odd = run()
    odd.run["inputs"][2]["name"] = '<b>"\x1b&'
    checks = check(odd, Policy(parse_all(("effective_rank<0.8x", "mean_cosine>0.5"))))
    suite = ElementTree.fromstring(junit(checks))
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4", "failures": "1", "errors": "1", "skipped": "0",
    }  # fmt: skip
    assert [len(case) for case in suite] == [0, 0, 1, 1] and "7" in str(suite[2][0].get("message"))
    assert '<b>"' in str(suite[2].get("classname"))
    assert all({*case.attrib} == {"classname", "name", "time"} for case in suite)
    assert (suite[2][0].get("type"), suite[3][0].get("type")) == ("condition", "missing")
    relaxed = ElementTree.fromstring(junit(checks, missing="pass"))
    assert (relaxed.get("errors"), relaxed.get("skipped"), relaxed[3][0].tag) == ("0", "1", "skipped")
    for case in (*suite[2:], relaxed[3]):
        assert case[0].text == case[0].get("message")


ATTRIBUTES = {  # of the schemas of Jenkins (xunit plugin, junit-10.xsd) and of Ant, which GitLab reads too
    "testsuite": {
        "name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package", "disabled",
    },
    "testcase": {"name", "classname", "time", "status", "assertions"},
    "failure": {"type", "message"}, "error": {"type", "message"}, "skipped": {"message"},
}  # fmt: skip
INSIDE = {"testsuite": {"testcase"}, "testcase": {"failure", "error", "skipped"}}


@pytest.mark.parametrize("missing", ["fail", "pass"])
def test_junit_has_the_shape_that_its_schemas_ask_for(missing: str) -> None:
    from xml.etree import ElementTree

    checks = check(run(), Policy(parse_all(("effective_rank<0.8x", "mean_cosine>0.05", "tails.z>4"))))
    suite = ElementTree.fromstring(junit(checks, missing=missing))
    assert suite.tag == "testsuite"
    for one in suite.iter():
        assert set(one.attrib) <= ATTRIBUTES[one.tag] and {child.tag for child in one} <= INSIDE.get(one.tag, set())
    for case in suite:
        assert case.get("name") and case.get("classname") and float(str(case.get("time"))) >= 0 and len(case) <= 1
    counts = {tag: len(list(suite.iter(tag))) for tag in ("testcase", "failure", "error", "skipped")}
    named = {"testcase": "tests", "failure": "failures", "error": "errors", "skipped": "skipped"}
    assert {tag: int(str(suite.get(name))) for tag, name in named.items()} == counts
    assert counts["failure"] and counts["error" if missing == "fail" else "skipped"] == 1


def test_policies_are_read_and_slips_are_told(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text('fail_on = ["scale<0.5x", "tails.z>4"]\nlook_at = "last"\nmissing = "pass"\nagainst = "old"\n')
    found = read_policy(file)
    assert [str(one) for one in found.fail_on] == ["scale<0.5x", "tails>4z"]
    assert (found.look_at, found.missing, found.against) == ("last", "pass", tmp_path / "old")
    file.write_text('fail_on = "scale<1"\nlayers = ["head*"]\ngenerations = [3, 4]')
    assert (read_policy(file).layers, read_policy(file).generations) == (("head*",), (3, 4))
    for text, said in (
        ('layers = "head"', "layers is a list of names"),
        ("layers = [1]", "layers is a list of names"),
        ("generations = 3", "generations is a list of whole"),
        ("generations = [true]", "generations is a list of whole"),
        ("missing = true", "missing is text in quotes"),
        ("against = 1", "against is text in quotes"),
        ("[fail_on]\na = 1", "in quotes"),
        ('fail_onn = ["scale<1"]', "did you mean 'fail_on'"),
        ("fail_on = [3]", "in quotes"),
        ('fail_on = ["scale=1"]', "no condition"),
        ('missing = "perhaps"', "choose fail or pass"),
    ):
        file.write_text(text)
        with pytest.raises(UsageError, match=said):
            read_policy(file)
    file.write_text("fail_on = [")
    with pytest.raises(InputError, match="not TOML"):
        read_policy(file)
    with pytest.raises(InputError, match=r"none\.toml"):
        read_policy(tmp_path / "none.toml")

"""The language model of characters, made tiny: its text, its losses, its options, and that it repeats itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geometry import loops
from geometry.errors import InputError, UsageError
from geometry.loops.language import LanguageModel
from geometry.loops.text import grams, read_text

TINY: dict[str, Any] = {"length": 12, "width": 16, "layers": 1, "heads": 2, "steps": 30, "batch": 16, "probe_rows": 20}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Words in random order: a text with something to learn in it."""
    words = np.random.default_rng(0).choice(["abba ", "cd ", "eff\n"], 2000, p=[0.6, 0.3, 0.1])
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text("".join(words))
    return str(path)


def model(book: str, **changes: Any) -> loops.Lineage:
    settings = {"regime": "replace", "generations": 2, "n": 100, "data": book} | TINY | changes
    return loops.run("language-model", **settings)


@pytest.fixture(scope="module")
def plain(book: str) -> loops.Lineage:
    return model(book)


def test_the_text_is_cut_in_rows_and_a_tenth_is_held_out(book: str) -> None:
    text = read_text(book)
    assert text.alphabet == "\n abcdef"
    whole = "".join(text.written(text.codes[None]))
    assert whole == Path(book).read_text()
    drawn = text.written(text.drawn(50, 12, np.random.default_rng(0)))
    assert all(row in whole[: text.train] for row in drawn)
    kept = text.written(text.held_out(20, 12))
    assert len(kept) == 20 and all(row in whole[text.train :] for row in kept)
    with pytest.raises(UsageError, match="rows of 12 characters to train on"):
        text.drawn(10**6, 12, np.random.default_rng(0))
    with pytest.raises(UsageError, match="held-out part"):
        text.held_out(2, 10**6)


def test_grams_are_roots_of_shares() -> None:
    rows = np.array([[0, 0, 1, 1], [2, 2, 2, 2]])
    found = grams(rows, 3)
    assert np.allclose(found[:, :3] ** 2, [[0.5, 0.5, 0], [0, 0, 1]])
    assert np.allclose((found[:, 3:] ** 2).sum(1), 1)
    assert (found[0, 3:] > 0).sum() == 3 and (found[1, 3:] > 0).sum() == 1


def test_it_learns_and_its_losses_are_those_of_its_shares(book: str, plain: loops.Lineage) -> None:
    it = LanguageModel(data=book, **TINY)
    nats = it.losses(plain[1].parameters, it.held_out())
    assert nats.shape == (20, 12)
    assert nats.mean() < np.log(8) - 0.1
    net = it._network(plain[1].parameters)
    rows = torch.from_numpy(it.held_out())
    with torch.no_grad():
        shares = torch.softmax(net.states(rows) @ net.letter.weight[:8].T, -1)
    told = -torch.log(torch.gather(shares, 2, rows[..., None]))[..., 0]
    assert np.allclose(nats, told.numpy(), atol=1e-5)
    with torch.no_grad():
        changed = rows.clone()
        changed[:, 6:] = 0
        assert torch.allclose(net.states(rows)[:, :7], net.states(changed)[:, :7], atol=1e-6)  # nothing looks ahead


def test_rows_are_drawn_by_the_shares_that_the_losses_tell(book: str, plain: loops.Lineage) -> None:
    it = LanguageModel(data=book, **TINY)
    rows = it.sample(plain[1].parameters, 6000, 1.0, np.random.default_rng(0))
    nats = it.losses(plain[1].parameters, rows)
    net = it._network(plain[1].parameters)
    with torch.no_grad():
        logits = net.states(torch.from_numpy(rows)) @ net.letter.weight[:8].T
    log = torch.log_softmax(logits, -1).double().numpy()
    entropy = -(np.exp(log) * log).sum(-1)
    gap = (nats - entropy).mean(axis=1)  # of mean 0 where each character is drawn by the shares that are told
    assert abs(gap.mean()) < 4.5 * gap.std(ddof=1) / np.sqrt(len(gap))


def test_same_seed_same_bytes_and_the_global_state_is_left_alone(book: str, plain: loops.Lineage) -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    again = model(book)
    assert torch.equal(before, torch.random.get_rng_state())
    assert again[2].samples.tobytes() == plain[2].samples.tobytes()
    assert again[2].representation is not None and plain[2].representation is not None
    assert again[2].representation.tobytes() == plain[2].representation.tobytes()
    assert plain[2].representation.shape == (20, 16)
    assert [view.points.shape for view in plain.samples_view()] == [(100, 200)] * 3


@pytest.mark.parametrize(
    "changes",
    [{"bias": 0.5}, {"width": 32}, {"layers": 2}, {"heads": 1}, {"steps": 31}, {"batch": 17}, {"rate": 1e-3}],
)
def test_every_option_has_an_effect(book: str, plain: loops.Lineage, changes: dict[str, Any]) -> None:
    assert model(book, generations=1, **changes)[1].samples.tobytes() != plain[1].samples.tobytes()


def test_length_and_probe_rows(book: str) -> None:
    run = model(book, generations=1, length=9, probe_rows=7, steps=2)
    assert run[1].samples.shape == (100, 9)
    assert run[1].representation is not None and run[1].representation.shape == (7, 16)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 3}, "no multiple"),
        ({"steps": 0}, "must be positive"),
        ({"length": 1}, "length over 1"),
        ({"data": ""}, "text file"),
    ],
)
def test_what_cannot_be_is_a_usage_error(book: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        model(book, **changes)


def test_a_mark_of_byte_order_and_ends_of_lines_are_no_characters(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_bytes(b"one line\nand another\n" * 20)
    (tmp_path / "marked.txt").write_bytes(b"\xef\xbb\xbf" + b"one line\r\nand another\r\n" * 20)
    plain, marked = (read_text(str(tmp_path / name)) for name in ("plain.txt", "marked.txt"))
    assert plain.alphabet == marked.alphabet and np.array_equal(plain.codes, marked.codes)


def test_however_cold_the_likeliest_character_is_drawn(book: str) -> None:
    cold, colder = (
        loops.run("language-model", regime="replace", generations=1, n=3, data=book, bias=bias, **TINY)[1].samples
        for bias in (1e-20, 1e-300)
    )
    assert np.array_equal(cold, colder) and len(np.unique(cold, axis=0)) == 1


def test_a_training_that_diverges_is_said(book: str) -> None:
    with pytest.raises(UsageError, match="generation 1: the fit holds NaN or infinity"):
        loops.run("language-model", regime="replace", generations=1, n=9, data=book, **(TINY | {"rate": 1e30}))


def test_a_pipe_is_no_text(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "book.txt")
    with pytest.raises(InputError, match=r"book\.txt is a pipe"):
        read_text(str(tmp_path / "book.txt"))


def test_a_text_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("aaaa")
    (tmp_path / "bytes.txt").write_bytes(b"\xff" * 200)
    for name, message in (("short.txt", "too little"), ("bytes.txt", "cannot be read"), ("none.txt", "cannot be read")):
        with pytest.raises(InputError, match=message):
            model(str(tmp_path / name))

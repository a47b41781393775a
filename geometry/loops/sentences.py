"""Texts in a sentence encoder of the user's: what a language model wrote, seen by a model that knows language.

The embedding of a text is the mean of the encoder's last hidden states over the tokens of the text, padding left out,
brought to length 1 (Reimers and Gurevych 2019). Texts pass 64 at a time in their order, on one thread: the same texts
give the same bytes on one machine. The digest is that of the folder's own files. Left out: any other pooling that the
folder may describe, and tokens beyond the 256th.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from geometry.errors import GeometryError, InputError, UsageError, reason_of
from geometry.loops.reproducible import reproducible
from geometry.sources.capture.models import Subject, subject, transformers_folder
from geometry.sources.capture.pool import pooled, tensor_of
from geometry.types import Array

BATCH = 64
STATES = "last_hidden_state"


@dataclass(frozen=True)
class SentenceEncoder:
    """A transformers model with its tokenizer, and the SHA-256 of the files it was read from."""

    subject: Subject
    digest: str

    def embed(self, texts: list[str]) -> Array:
        """(n, e) float32 rows of length 1; InputError where the model does not read text as an encoder does."""
        with reproducible(0), torch.no_grad():
            means = torch.cat([self._means(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)])
        found: Array = torch.nn.functional.normalize(means.float()).numpy()
        return found

    def noted(self) -> Mapping[str, Any]:
        """What a card says of it."""
        return {"sentence_encoder": {"sha256": self.digest, "pool": "mean", "normalised": True}}

    def _means(self, texts: list[str]) -> torch.Tensor:
        tokens = self.subject.tokens(texts)
        try:
            states = self.subject.module(**tokens)
        except GeometryError:
            raise
        except Exception as error:  # any architecture may stand in a folder
            reason = reason_of(error)
            raise InputError(
                f"{self.subject.source} cannot be run on texts: {type(error).__name__}: {reason}; name an encoder"
            ) from error
        return pooled(tensor_of(states, STATES, self.subject.source), "mean", STATES, tokens.get("attention_mask"))[0]


@cache
def sentence_encoder(name: str) -> SentenceEncoder:
    """The encoder in a transformers folder or in an installed package, once per process; UsageError for neither."""
    folder = transformers_folder(name)
    if folder is None:
        raise UsageError(
            f"encoder '{name}' is no folder and no installed package with a model in it; name a transformers folder, "
            f"or pip install {name}"
        )
    return SentenceEncoder(subject(str(folder)), _digest(folder))


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(one for one in folder.iterdir() if one.is_file()):
        total.update(path.name.encode())
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()

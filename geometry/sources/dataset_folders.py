"""Hugging Face datasets on disk: a folder with `dataset_info.json`, `state.json` and the .arrow files that it lists.

Other .arrow files of such a folder are caches of what was computed from them, and are not read.
"""

from __future__ import annotations

import json
from pathlib import Path

from geometry.errors import InputError, UnsafeFileError
from geometry.schema.documents import read_document

STATE, INFO = "state.json", "dataset_info.json"


def data_files(folder: Path) -> list[Path] | None:
    """The files that hold the rows of a dataset, in order; None for other folders.

    Raises InputError where one is not there or the state is none, UnsafeFileError where one lies elsewhere.
    """
    state = folder / STATE
    if not state.is_file() or not (folder / INFO).is_file():
        return None
    try:
        said = json.loads(read_document(state))
        names = [str(one["filename"]) for one in said["_data_files"]]
        chosen = bool(said.get("_indices_data_files"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{state} does not list the files of a dataset ({error}); save the dataset again") from error
    if chosen:
        raise InputError(f"{folder} is a choice of rows of a dataset; write it out with flatten_indices, and save it")
    for name in names:
        if Path(name).name != name:
            raise UnsafeFileError(f"{state} points to '{name}', outside its own folder; do not trust this dataset")
        if not (folder / name).is_file():
            raise InputError(f"{folder} lacks {name}, which its {STATE} lists; copy the whole dataset")
    return [folder / name for name in names]

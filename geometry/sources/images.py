"""Images as rows: an IDX file, a folder of image files, or an array in a `.npz` or `.npy`; each pixel in [0, 1].

IDX is the format of the MNIST files (LeCun): two zero bytes, a type, the number of axes, each axis in four bytes, then
the values, all big-endian; `.gz` is unpacked on the way. Labels come from the file of the same name with `labels-idx1`
for `images-idx3`, from the subfolders of a folder, or from the array `labels` or `y` of an archive, whose images go by
a usual name, are the only array with rows of two axes or more, or are named as PATH:KEY. Whole numbers are divided by
the largest of their type; floats stay where they lie in [0, 1] and are otherwise moved there by their least and largest
value. Pictures of 16 bits are brought to 8. Left out: colour spaces, alpha, cropping.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from geometry.errors import InputError, UsageError
from geometry.schema.documents import require_file
from geometry.sources.archives import LARGE, RATIO
from geometry.sources.extras import optional
from geometry.sources.formats import contents, read
from geometry.sources.natural import natural
from geometry.sources.paths import split_key
from geometry.types import Array, Ints

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
IMAGE_KEYS = ("images", "image", "imgs", "x", "x_train", "train_images", "data", "samples", "pixels", "arr_0")
LABEL_KEYS = ("labels", "label", "y", "y_train", "train_labels", "targets", "target", "arr_1")
IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
IDX_AXES = 4
MOST_PIXELS = 26_000_000  # of a picture, which takes nine bytes each on its way


@dataclass(frozen=True)
class Images:
    """points (n, pixels) float32 in [0, 1]; shape (height, width) or with channels last; labels (n,) int64 or None.

    classes: the name of each label where it has one.
    """

    points: Array
    shape: tuple[int, ...]
    labels: Ints | None = None
    classes: tuple[str, ...] = ()


def read_images(path: str | os.PathLike[str], *, size: int | None = None) -> Images:
    """The images at `path`, in natural order; with `size`, a folder's pictures are brought to size x size pixels.

    Raises InputError where there are none, where their shapes disagree, or where a file is truncated or of another
    format, UsageError for a size where there is no folder.
    """
    name, key = split_key(os.fspath(path))
    place = Path(name).expanduser()
    if not place.exists():
        raise InputError(f"{place} does not exist; name an IDX file, a folder of images, an .npz or .npy")
    archive = place.suffix.lower() in (".npz", ".npy")
    if key and not archive:
        raise InputError(f"{path}: {place} holds no named arrays; leave ':{key}' out")
    if place.is_dir():
        return _folder(place, size)
    if size is not None:
        raise UsageError(f"size = {size} has no effect on {place}; only the pictures of a folder are brought to one")
    return _archive(place, key) if archive else _idx_pair(place)


def read_idx(path: Path) -> Array:
    """The array of an IDX file, unpacked where it is gzipped; InputError names what is wrong with it."""
    require_file(path)
    with path.open("rb") as start:
        packed = start.read(2) == b"\x1f\x8b"
    room = path.stat().st_size * (RATIO if packed else 1)
    try:
        with gzip.open(path) if packed else path.open("rb") as stream:
            return _idx(stream, path, max(room, LARGE) if packed else room)  # type: ignore[arg-type]
    except (EOFError, zlib.error, OSError) as error:
        raise InputError(f"{path} cannot be unpacked ({error}); copy it again") from error


def _idx(stream: IO[bytes], path: Path, room: int) -> Array:
    """The array where it takes no more than `room` bytes."""
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in IDX_TYPES or not 1 <= head[3] <= IDX_AXES:
        raise InputError(f"{path} is no IDX file; images may also be a folder, an .npz or an .npy")
    dtype, axes = np.dtype(IDX_TYPES[head[2]]), head[3]
    sides = stream.read(4 * axes)
    if len(sides) < 4 * axes:
        raise InputError(f"{path} is truncated within its header; copy it again")
    shape = tuple(np.frombuffer(sides, ">u4").tolist())
    if 0 in shape:
        raise InputError(f"{path} has shape {shape}: it holds nothing")
    wanted = math.prod(shape) * dtype.itemsize
    held = b"" if wanted > room else stream.read(wanted)
    if len(held) < wanted:
        raise InputError(f"{path} is truncated: shape {shape} needs {wanted} bytes, there are {len(held) or 'fewer'}")
    return np.frombuffer(held, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _idx_pair(path: Path) -> Images:
    images = read_idx(path)
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    labels = read_idx(beside) if beside != path and beside.exists() else None
    return _made(images, labels, str(path))


def _archive(path: Path, asked: str | None) -> Images:
    infos = contents(path)
    if path.suffix.lower() == ".npy":
        return _made(read(path, [infos[0].key])[infos[0].key], None, str(path))
    keys = [info.key for info in infos]
    pictures = [info.key for info in infos if len(info.shape) > 2]
    image = asked or _named(IMAGE_KEYS, keys) or (pictures[0] if len(pictures) == 1 else None)
    if image not in keys:
        raise InputError(
            f"{path} holds {', '.join(keys) or 'nothing'}; images go by {', '.join(IMAGE_KEYS)}, or by any name as "
            f"{path}:KEY"
        )
    label = _named(LABEL_KEYS, keys)
    arrays = read(path, [image, *([label] if label else [])])
    return _made(arrays[image], arrays[label] if label else None, f"{path}:{image}")


def _named(usual: Sequence[str], keys: Sequence[str]) -> str | None:
    """The first of the usual names that there is, in capitals or not."""
    there = {key.lower(): key for key in reversed(keys)}
    return next((there[name] for name in usual if name in there), None)


def _folder(folder: Path, size: int | None) -> Images:
    found = [path for path in (*folder.glob("*"), *folder.glob("*/*")) if path.suffix.lower() in PICTURES]
    if not found:
        raise InputError(f"{folder} holds no image ({', '.join(PICTURES)}), nor do its subfolders")
    found.sort(key=lambda path: natural(str(path.relative_to(folder))))
    arrays = _pictures(found, size)
    groups = [path.parent.name if path.parent != folder else "" for path in found]
    classes = tuple(sorted(set(groups), key=natural))
    labels = np.array([classes.index(group) for group in groups]) if len(classes) > 1 else None
    return _made(np.stack(arrays), labels, str(folder), classes if labels is not None else ())


def _pictures(paths: Sequence[Path], size: int | None) -> list[Array]:
    """uint8 arrays of one shape: grey where all are grey, else red, green, blue."""
    pillow = optional("PIL.Image", "images", "image files")
    opened = []
    for path in paths:
        require_file(path)
        try:
            with pillow.open(path) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise ValueError(f"{picture.width} x {picture.height} pixels, more than {MOST_PIXELS}")
                plain = picture
                if picture.mode.startswith("I"):  # 16 bits, which converting would cut off at 255
                    plain = pillow.fromarray((np.asarray(picture).clip(0, 65535) // 257).astype(np.uint8))
                small = plain if size is None else plain.resize((size, size))
                opened.append(small.convert("L" if plain.mode in ("1", "L", "LA") else "RGB"))
        except Exception as error:  # a damaged picture can raise anything in Pillow's readers
            raise InputError(f"{path} cannot be read as an image ({error}); copy it again or remove it") from error
    mode = "RGB" if any(picture.mode == "RGB" for picture in opened) else "L"
    arrays = [np.asarray(picture.convert(mode)) for picture in opened]
    for path, array in zip(paths, arrays, strict=True):
        if array.shape != arrays[0].shape:
            raise InputError(
                f"{path} is {array.shape[1]} x {array.shape[0]} pixels, {paths[0]} is {arrays[0].shape[1]} x "
                f"{arrays[0].shape[0]}; give a size to bring all to"
            )
    return arrays


def _made(images: Array, labels: Array | None, where: str, classes: tuple[str, ...] = ()) -> Images:
    if images.ndim < 2 or images.size == 0 or images.dtype.kind not in "uifb":
        raise InputError(f"{where} has shape {images.shape} {images.dtype}; images are numbers (n, height, width)")
    if labels is not None and labels.shape == (len(images), 1):
        labels = labels[:, 0]
    if labels is not None and labels.shape != (len(images),):
        raise InputError(f"{where}: labels have shape {labels.shape}, there are {len(images)} images")
    shape = tuple(images.shape[1:]) if images.ndim > 2 else _square(images.shape[1])
    points = _unit(images.reshape(len(images), -1), where)
    if labels is not None and labels.dtype.kind == "f" and np.all(labels == np.round(labels)):
        labels = labels.astype(np.int64)
    if labels is not None and labels.dtype.kind not in "ui":
        names, labels = np.unique(labels, return_inverse=True)
        classes = classes or tuple(str(name) for name in names)
    return Images(points, shape, None if labels is None else labels.astype(np.int64), classes)


def _square(pixels: int) -> tuple[int, ...]:
    side = math.isqrt(pixels)
    return (side, side) if side * side == pixels else (1, pixels)


def _unit(images: Array, where: str) -> Array:
    if images.dtype.kind in "ui":
        scaled: Array = (images / np.iinfo(images.dtype).max).astype(np.float32)
        return scaled
    points = images.astype(np.float32)
    if not np.isfinite(points).all():
        raise InputError(f"{where} holds NaN or infinity; images are finite numbers")
    low, high = float(points.min()), float(points.max())
    if low >= 0 and high <= 1:
        return points
    moved: Array = (points - low) / (high - low if high > low else 1.0)
    return moved

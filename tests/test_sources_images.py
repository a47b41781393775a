"""Images as rows: every kind of place, and what is wrong with one said in a sentence."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geometry.errors import InputError, UsageError
from geometry.sources.images import read_idx, read_images
from geometry.types import Array

PIXELS = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


def idx(array: Array) -> bytes:
    code = {"u1": 8, "i4": 12, "f4": 13}[array.dtype.str[1:]]
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def picture(path: Path, value: int, size: tuple[int, int] = (3, 2), mode: str = "L") -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value, 0, 0)).save(path)


@pytest.mark.parametrize("packed", [False, True])
def test_idx_with_its_labels_packed_or_not(tmp_path: Path, packed: bool) -> None:
    end, pack = (".gz", gzip.compress) if packed else ("", bytes)
    (tmp_path / f"ten-images-idx3-ubyte{end}").write_bytes(pack(idx(PIXELS)))
    (tmp_path / f"ten-labels-idx1-ubyte{end}").write_bytes(pack(idx(np.array([2, 0, 1], np.uint8))))
    found = read_images(tmp_path / f"ten-images-idx3-ubyte{end}")
    assert found.shape == (4, 5)
    assert found.points.dtype == np.float32
    assert np.array_equal(found.points, (PIXELS.reshape(3, 20) / 255).astype(np.float32))
    assert found.labels is not None and found.labels.tolist() == [2, 0, 1]


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_idx_of_other_types_is_big_endian(tmp_path: Path, dtype: type) -> None:
    (tmp_path / "x").write_bytes(idx(PIXELS.astype(dtype)))
    assert np.array_equal(read_idx(tmp_path / "x"), PIXELS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx(PIXELS)[:-1], r"truncated: shape \(3, 4, 5\) needs 60 bytes, there are 59"),
        (idx(PIXELS)[:6], "truncated"),
        (b"\x89PNG\r\n", "no IDX file"),
        (b"", "no IDX file"),
        (struct.pack(">BBBBIII", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**31), "truncated"),
        (gzip.compress(idx(PIXELS), mtime=0)[:-12], "cannot be unpacked|truncated"),
    ],
    ids=["a byte short", "in the header", "a picture", "empty", "far too large", "packed and cut"],
)
def test_a_broken_idx_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a-images").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_images(tmp_path / "a-images")


def test_a_folder_takes_labels_from_its_subfolders_in_natural_order(tmp_path: Path) -> None:
    for name, value in (("b/2.png", 20), ("b/10.png", 30), ("a/1.png", 10)):
        picture(tmp_path / name, value)
    found = read_images(tmp_path)
    assert found.classes == ("a", "b") and found.labels is not None and found.labels.tolist() == [0, 1, 1]
    assert np.allclose(found.points[:, 0] * 255, [10, 20, 30])
    assert found.shape == (2, 3)


def test_colour_stays_and_greys_beside_it_follow(tmp_path: Path) -> None:
    picture(tmp_path / "1.png", 10)
    picture(tmp_path / "2.png", 20, mode="RGB")
    found = read_images(tmp_path)
    assert found.shape == (2, 3, 3) and found.labels is None
    assert np.allclose(found.points[:, :3] * 255, [[10, 10, 10], [20, 0, 0]])


def test_sizes_that_differ_need_a_size(tmp_path: Path) -> None:
    picture(tmp_path / "1.png", 10)
    picture(tmp_path / "2.png", 20, (4, 4))
    with pytest.raises(InputError, match=r"2.png is 4 x 4 pixels, .*1.png is 3 x 2"):
        read_images(tmp_path)
    assert read_images(tmp_path, size=5).shape == (5, 5)


def test_archives_by_the_names_of_their_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=PIXELS, y=np.array(["u", "v", "u"]), other=np.zeros(2))
    found = read_images(tmp_path / "a.npz")
    assert found.labels is not None and found.labels.tolist() == [0, 1, 0] and found.classes == ("u", "v")
    np.save(tmp_path / "b.npy", PIXELS.reshape(3, 20).astype(np.float32))
    flat = read_images(tmp_path / "b.npy")
    assert flat.shape == (1, 20) and flat.points.min() == 0 and flat.points.max() == 1
    np.save(tmp_path / "c.npy", np.full((2, 9), 0.25))
    assert read_images(tmp_path / "c.npy").shape == (3, 3)
    assert np.all(read_images(tmp_path / "c.npy").points == 0.25)


def test_what_is_no_set_of_images_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_images(tmp_path / "none")
    with pytest.raises(InputError, match="holds no image"):
        read_images(tmp_path)
    np.savez(tmp_path / "a.npz", z=PIXELS, w=PIXELS)
    with pytest.raises(InputError, match="holds z, w; images go by images, image"):
        read_images(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", x=PIXELS, y=np.zeros(4))
    with pytest.raises(InputError, match=r"labels have shape \(4,\), there are 3"):
        read_images(tmp_path / "b.npz")
    np.save(tmp_path / "c.npy", np.full((2, 4), np.nan))
    with pytest.raises(InputError, match="NaN"):
        read_images(tmp_path / "c.npy")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"1.png cannot be read as an image"):
        read_images(tmp_path / "d")


def test_a_picture_of_16_bits_keeps_its_shades(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16)).save(tmp_path / "a.png")
    assert np.allclose(read_images(tmp_path).points * 255, [[0, 100, 200, 255]])
    assert read_images(tmp_path, size=1).shape == (1, 1)


@pytest.mark.parametrize("names", [("X", "Y"), ("pixels", "target"), ("faces", "labels"), ("train_images", "label")])
def test_archives_by_other_names_and_columns_of_labels(tmp_path: Path, names: tuple[str, str]) -> None:
    np.savez(tmp_path / "a.npz", **{names[0]: PIXELS, names[1]: np.array([[7.0], [3.0], [7.0]])})
    found = read_images(tmp_path / "a.npz")
    assert np.array_equal(found.points, (PIXELS.reshape(3, 20) / 255).astype(np.float32))
    assert found.labels is not None and found.labels.tolist() == [7, 3, 7] and found.classes == ()


def test_an_array_of_an_archive_is_named_by_its_key(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=PIXELS, others=PIXELS[:2], third=PIXELS)
    assert len(read_images(f"{tmp_path / 'a.npz'}:others").points) == 2
    with pytest.raises(InputError, match=r"holds images, others, third.*a\.npz:KEY"):
        read_images(f"{tmp_path / 'a.npz'}:none")
    np.savez(tmp_path / "b.npz", others=PIXELS[:2], third=PIXELS)
    with pytest.raises(InputError, match="images go by"):
        read_images(tmp_path / "b.npz")
    (tmp_path / "ten-images-idx3-ubyte").write_bytes(idx(PIXELS))
    with pytest.raises(InputError, match="no named arrays"):
        read_images(f"{tmp_path / 'ten-images-idx3-ubyte'}:x")


def test_a_size_is_for_folders_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", PIXELS)
    with pytest.raises(UsageError, match="size = 4 has no effect"):
        read_images(tmp_path / "a.npy", size=4)

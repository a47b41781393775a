"""Every kernel compiled for every architecture with no GPU present, its registers and spills, and the cache."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from geometry.pairs.cuda import builder, nvrtc

SOURCES = [path for path in builder.kernel_files() if path.suffix == ".cu"]
MOST_REGISTERS = 64  # 8 blocks of 128 threads on a multiprocessor of 64 Ki registers


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cubins")
        patch.setenv(builder.CACHE, str(folder))
        yield folder


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return Path(shutil.copytree(builder.kernel_folder(), tmp_path / "kernels"))


def test_the_sources_are_found() -> None:
    assert {path.name for path in SOURCES} >= {"rescore.cu", "prepare_rows.cu"}


@pytest.mark.parametrize("arch", builder.ARCHITECTURES)
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_kernel_compiles_without_spilling(path: Path, arch: str) -> None:
    cubin = builder.compile_kernel(path, arch)
    assert cubin.startswith(b"\x7fELF")
    used = builder.usage(path, arch)
    assert set(used) == {f"{path.stem}_{suffix}" for suffix in ("f16", "f32", "f64")}
    for name, use in used.items():
        assert name.encode() in cubin
        assert use.spill_bytes == 0, f"{name} spills on {arch}"
        assert use.stack_bytes == 0, f"{name} keeps arrays in local memory on {arch}"
        assert 0 < use.registers <= MOST_REGISTERS, f"{name} takes {use.registers} registers on {arch}"


def test_spills_are_read(sources: Path) -> None:
    path = sources / "rescore.cu"
    squeezed = path.read_text().replace("__launch_bounds__(THREADS)", "__maxnreg__(16)")
    path.write_text(squeezed.replace("#pragma unroll 4", "#pragma unroll 16"))
    assert all(use.spill_bytes > 0 for use in builder.usage(path, "sm_90").values())


def test_an_error_names_the_file_and_its_line(sources: Path) -> None:
    path = sources / "rescore.cu"
    lines = path.read_text().splitlines()
    line = lines.index("constexpr int THREADS = 128;") + 1
    path.write_text("\n".join([*lines[: line - 1], "constexpr int THREADS = no_such_word;", *lines[line:]]))
    with pytest.raises(nvrtc.CompileError, match=rf"kernels/rescore\.cu\({line}\): error: .*no_such_word"):
        builder.compile_kernel(path, "sm_90")


def test_an_unknown_architecture_is_an_error() -> None:
    with pytest.raises(nvrtc.CompileError, match="sm_1"):
        builder.compile_kernel(SOURCES[0], "sm_1")


def test_a_second_call_is_served_from_the_cache(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sources / "prepare_rows.cu"
    path.write_text(path.read_text() + "// a source that no other test compiles\n")
    made = builder.compile_kernel(path, "sm_80")
    monkeypatch.setattr(nvrtc, "compile_source", None)
    assert builder.compile_kernel(path, "sm_80") == made
    assert len(builder.usage(path, "sm_80")) == 3


def test_the_key_follows_all_that_decides_the_cubin(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sources / "rescore.cu"
    keys = [builder.cache_key(path, "sm_90"), builder.cache_key(path, "sm_90a")]
    header = sources / "rows.cuh"
    header.write_text(header.read_text() + "\n")
    keys.append(builder.cache_key(path, "sm_90"))
    path.write_text(path.read_text() + "\n")
    keys.append(builder.cache_key(path, "sm_90"))
    monkeypatch.setattr(builder, "OPTIONS", (*builder.OPTIONS, "-G"))
    keys.append(builder.cache_key(path, "sm_90"))
    monkeypatch.setattr(nvrtc, "version", lambda: "0.0")
    keys.append(builder.cache_key(path, "sm_90"))
    (sources / "cuda_fp16.h").write_text("another release of CUDA's header")
    monkeypatch.setattr(nvrtc, "include_folder", lambda: sources)
    keys.append(builder.cache_key(path, "sm_90"))
    assert len(set(keys)) == len(keys) == 7
    assert keys[-1] == builder.cache_key(path, "sm_90")


def test_an_edited_header_reaches_the_cubin(sources: Path) -> None:
    path, header = sources / "prepare_rows.cu", sources / "rows.cuh"
    before = builder.compile_kernel(path, "sm_80")
    header.write_text(header.read_text().replace("__dadd_ru", "__dadd_rd"))
    assert builder.compile_kernel(path, "sm_80") != before


def test_the_folder_of_the_cache_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(builder.CACHE, str(tmp_path / "chosen"))
    builder.compile_kernel(SOURCES[0], "sm_90")
    assert sorted(p.suffix for p in (tmp_path / "chosen").iterdir()) == [".cubin", ".log"]
    monkeypatch.delenv(builder.CACHE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert builder.cache_folder() == tmp_path / "geometry" / "kernels"


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(builder.CACHE, str(tmp_path / "file" / "below"))
    assert builder.compile_kernel(SOURCES[0], "sm_90").startswith(b"\x7fELF")


def test_a_missing_compiler_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(nvrtc, "_homes", lambda: iter([tmp_path]))
    with pytest.raises(nvrtc.CompileError, match="nvidia-cuda-nvrtc"):
        nvrtc._library.__wrapped__()
    with pytest.raises(nvrtc.CompileError, match="nvidia-cuda-runtime"):
        nvrtc.include_folder()

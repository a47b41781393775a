"""Every kernel compiled for every architecture with no GPU present: registers, spills, machine code; and the cache."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from kernel_expectations import EXPECTED
from machine_code import matrix_instructions

from geometry.errors import GeometryError, UsageError
from geometry.pairs.cuda import builder, cache, nvrtc

SOURCES = [path for path in builder.kernel_files() if path.suffix == ".cu"]
MATRIX = """
#include <cuda_fp16.h>
extern "C" __global__ void with_mma(const unsigned* in, float* out) {
    float c[4] = {};
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(in[0]), "r"(in[1]), "r"(in[2]), "r"(in[3]), "r"(in[4]), "r"(in[5]));
    out[threadIdx.x] = c[0] + c[1] + c[2] + c[3];
}
extern "C" __global__ void without(const float* in, float* out) { out[threadIdx.x] = in[threadIdx.x] * 2.0f + 1.0f; }
"""


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cubins")
        patch.setenv(cache.VARIABLE, str(folder))
        yield folder


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return Path(shutil.copytree(builder.kernel_folder(), tmp_path / "kernels"))


def test_every_source_has_its_expectations() -> None:
    assert {path.name for path in SOURCES} == set(EXPECTED)


@pytest.mark.parametrize("arch", builder.ARCHITECTURES)
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_kernel_compiles_within_its_bounds(path: Path, arch: str) -> None:
    expected, cubin, used = EXPECTED[path.name], builder.compile_kernel(path, arch), builder.usage(path, arch)
    assert cubin.startswith(b"\x7fELF")
    assert set(used) == set(expected.kernels)
    for name, use in used.items():
        assert use.spill_bytes <= expected.most_spill_bytes, f"{name} spills on {arch}: {use}"
        assert use.stack_bytes <= expected.most_stack_bytes, f"{name} keeps arrays in local memory on {arch}: {use}"
        assert 0 < use.registers <= expected.most_registers, f"{name} on {arch}: {use}"
        if expected.holds is not None and expected.only in (None, arch):
            assert matrix_instructions(cubin, name)[expected.holds] > 0, f"{name} on {arch} has no {expected.holds}"


@pytest.mark.parametrize("arch", builder.ARCHITECTURES)
def test_matrix_instructions_are_seen_where_they_are(tmp_path: Path, arch: str) -> None:
    path = tmp_path / "matrix.cu"
    path.write_text(MATRIX)
    cubin = builder.compile_kernel(path, arch)
    assert matrix_instructions(cubin, "with_mma") == {"HMMA": 1, "HGMMA": 0}
    assert matrix_instructions(cubin, "without") == {"HMMA": 0, "HGMMA": 0}
    with pytest.raises(KeyError):
        matrix_instructions(cubin, "absent")


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
    with pytest.raises(GeometryError, match=rf"kernels/rescore\.cu\({line}\): error: .*no_such_word"):
        builder.compile_kernel(path, "sm_90")


def test_an_unknown_architecture_is_an_error() -> None:
    with pytest.raises(nvrtc.CompileError, match="sm_1"):
        builder.compile_kernel(SOURCES[0], "sm_1")


@pytest.mark.parametrize(
    ("capability", "arch"), [((8, 0), "sm_80"), ((8, 9), "sm_89"), ((9, 0), "sm_90a"), ((10, 0), "sm_100")]
)
def test_architecture_by_compute_capability(capability: tuple[int, int], arch: str) -> None:
    assert builder.arch_of(*capability) == arch


def test_a_device_before_its_time_is_refused() -> None:
    with pytest.raises(UsageError, match=r"7\.5"):
        builder.arch_of(7, 5)


def test_a_second_call_is_served_from_the_cache(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sources / "prepare_rows.cu"
    path.write_text(path.read_text() + "// a source that no other test compiles\n")
    made = builder.compile_kernel(path, "sm_80")
    monkeypatch.setattr(nvrtc, "compile_source", None)
    assert builder.compile_kernel(path, "sm_80") == made
    assert set(builder.usage(path, "sm_80")) == set(EXPECTED["prepare_rows.cu"].kernels)


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
    monkeypatch.setattr(nvrtc, "toolkit", lambda: nvrtc.Toolkit(sources, (sources,)))
    keys.append(builder.cache_key(path, "sm_90"))
    assert len(set(keys)) == len(keys) == 7
    assert keys[-1] == builder.cache_key(path, "sm_90")


def test_an_edited_header_reaches_the_cubin(sources: Path) -> None:
    path, header = sources / "prepare_rows.cu", sources / "rows.cuh"
    before = builder.compile_kernel(path, "sm_80")
    header.write_text(header.read_text().replace("__dadd_ru", "__dadd_rd"))
    assert builder.compile_kernel(path, "sm_80") != before


def test_all_sources_have_one_digest_per_architecture() -> None:
    digests = {builder.kernels_digest(arch) for arch in builder.ARCHITECTURES}
    assert len(digests) == len(builder.ARCHITECTURES)
    assert builder.kernels_digest("sm_80") in digests


def test_the_folder_of_the_cache_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "chosen"))
    assert (cache.size(), cache.architectures()) == (0, {})
    file = builder.cubin_file(SOURCES[0], "sm_90")
    assert file.parent == tmp_path / "chosen"
    assert sorted(p.suffix for p in file.parent.iterdir()) == [".cubin", ".log"]
    assert cache.size() == sum(p.stat().st_size for p in file.parent.iterdir()) > 1000
    assert cache.architectures() == {"sm_90": [SOURCES[0].stem]}
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "geometry" / "kernels"


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "below"))
    made = builder.compile_kernel(SOURCES[0], "sm_90")
    assert builder.cubin_file(SOURCES[0], "sm_90").read_bytes() == made
    assert made.startswith(b"\x7fELF")


def test_a_file_that_cannot_be_kept_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache.keep(tmp_path / "kept", b"whole") and (tmp_path / "kept").read_bytes() == b"whole"

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert not cache.keep(tmp_path / "lost", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("layout", ["one folder", "folders", "cccl"])
def test_toolkits_are_found_in_every_layout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, layout: str) -> None:
    """The wheels of CUDA 13 and a toolkit are one folder, those of CUDA 12 are three; a toolkit may hide nv/target."""
    homes = {"one folder": (".", ".", "."), "folders": ("nvrtc", "runtime", "cccl"), "cccl": (".", ".", ".")}[layout]
    target = "include/cccl/nv/target" if layout == "cccl" else "include/nv/target"
    files = [
        tmp_path / home / part
        for home, part in zip(homes, ("lib/libnvrtc.so.1", "include/cuda_fp16.h", target), strict=True)
    ]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    monkeypatch.setattr(nvrtc, "_homes", lambda: iter([(tmp_path / "no",), tuple(tmp_path / home for home in homes)]))
    found = nvrtc.toolkit.__wrapped__()
    assert found.library == files[0].resolve()
    assert {folder.resolve() for folder in found.includes} == {files[1].parent, files[2].parent.parent}


def test_parts_of_several_toolkits_make_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on a machine with the wheels that torch brings, a toolkit without its compiler, and CuPy."""
    parts = (
        ("wheels", "lib/libnvrtc.so.13"),
        ("wheels", "include/cuda_fp16.h"),
        ("toolkit", "include/cuda_fp16.h"),
        ("cupy", "_core/include/cupy/_cccl/libcudacxx/nv/target"),
    )
    for home, part in parts:
        file = tmp_path / home / part
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    monkeypatch.setattr(nvrtc, "_homes", lambda: iter([(tmp_path / "wheels",), (tmp_path / "toolkit",)]))
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path / "cupy")])
    monkeypatch.setattr(nvrtc, "find_spec", lambda name: spec if name == "cupy" else None)
    found = nvrtc.toolkit.__wrapped__()
    assert found.library == tmp_path / "wheels" / "lib" / "libnvrtc.so.13"
    assert found.includes == (tmp_path / "wheels" / "include", tmp_path / "cupy/_core/include/cupy/_cccl/libcudacxx")


def test_a_missing_part_of_the_compiler_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(nvrtc, "_homes", lambda: iter([(tmp_path,)]))
    monkeypatch.setattr(nvrtc, "find_spec", lambda _: None)
    with pytest.raises(nvrtc.CompileError, match=r"libnvrtc and .*nvidia-cuda-nvrtc"):
        nvrtc.toolkit.__wrapped__()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libnvrtc.so.1").write_text("")
    with pytest.raises(nvrtc.CompileError, match=r"compiled: not found: cuda_fp16\.h and nv/target\."):
        nvrtc.toolkit.__wrapped__()

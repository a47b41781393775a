"""The page in a real browser: it draws, follows rows, links its panels, fetches nothing, runs nothing of the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import records
import test_report_layers
from browser import Seen, chromium

from geometry.report.captions import CAPTIONS
from geometry.report.page import page as built
from geometry.types import Record

HOSTILE = "</script><img onerror=alert(1) src=x>"
PNG = records.png(1200, 600)
GENERATIONS = 4


def record() -> Record:
    """A run with everything that a point can say, its labels and ids hostile."""
    made = records.record(GENERATIONS)
    rng, arrays = np.random.default_rng(0), dict(made.arrays)
    for g in range(GENERATIONS):
        places = arrays[f"coordinates.radial.{g}"]
        arrays[f"ids.{g}"] = np.array([f"{HOSTILE} {i}" for i in range(records.N)])
        arrays[f"labels.{g}"] = np.array([HOSTILE if i % 8 == 0 else f"class {i % 8}" for i in range(records.N)])
        direction = rng.normal(size=(400, 3))
        size = np.sqrt((places**2).sum(1).mean())
        arrays[f"coordinates.null.{g}"] = size * direction / np.linalg.norm(direction, axis=1, keepdims=True)
        arrays[f"point.mle.harmonic.{g}"] = rng.uniform(5, 25, records.N)
        arrays[f"point.density.{g}"] = rng.normal(size=records.N)
        arrays[f"point.rarity.{g}"] = rng.uniform(size=records.N)
        kinds = rng.integers(0, 4, records.N)
        for code, kind in enumerate(("copy", "interpolation", "blend", "extrapolation")):
            arrays[f"point.novelty.{kind}.{g}"] = (kinds == code).astype(float)
    return replace(made, arrays=arrays)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page") / "report.html"
    made.write_text(built(record(), dict.fromkeys(CAPTIONS, PNG)), "utf-8")
    return made


@pytest.fixture(scope="module")
def opened(browser: Any, path: Path) -> Seen:
    return Seen(browser, path, color_scheme="light").open()


@pytest.fixture
def seen(opened: Seen) -> Iterator[Seen]:
    opened.run("() => { window.scrollTo(0, 0); reset(); play(false); }")
    opened.page.mouse.move(1, 1)
    opened.show(at=0, hover=None, point=None, null=False, arrows=False, ghost=False, brush=False, color="label")
    yield opened
    assert opened.wrong == []
    assert opened.asked == [opened.path.as_uri()]


def differing(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the pixels that are not the same."""
    return float((np.abs(one - other).max(axis=2) > 24).mean())


def test_generations_differ_in_pixels_and_the_way_between_is_neither(seen: Seen) -> None:
    shots = []
    for at in (0, 1.5, GENERATIONS - 1):
        seen.show(at=at)
        shots.append(seen.pixels())
    assert differing(shots[0], shots[1]) > 0.01 and differing(shots[1], shots[2]) > 0.01
    assert differing(shots[0], shots[2]) > 0.01
    inked = [(np.abs(shot[..., :3] - 255).max(axis=2) > 24).sum(axis=0).nonzero()[0] for shot in shots]
    widths = [columns[-1] - columns[0] for columns in inked]
    assert 0.3 < widths[2] / widths[0] < 0.7  # the last generation has .41 of the size


def test_slider_keys_and_play_move_through_the_generations(seen: Seen) -> None:
    seen.page.focus("#slider")
    seen.page.keyboard.press("ArrowRight")
    assert seen.run("state.at") == 1
    dragged = (
        "(at) => { byId('slider').value = at; byId('slider').dispatchEvent(new Event('input')); return state.at; }"
    )
    assert seen.page.evaluate(dragged, "2.5") == 2.5
    seen.page.focus("#points")
    seen.page.keyboard.press(".")
    assert seen.run("state.at") == 3
    seen.page.keyboard.press(",")
    seen.settle()
    assert seen.run("state.at") == 2 and "generation 2" in seen.page.inner_text("#heading")
    seen.page.keyboard.press(" ")
    seen.until("state.at > 2.02 && state.at < 3")
    seen.page.keyboard.press(" ")
    assert seen.run("!state.playing && Number.isInteger(state.at)")


def test_the_inside_is_not_crossed_on_the_way(seen: Seen) -> None:
    assert seen.run(
        "between([1, 0, 0], [-1, 0.01, 0], 0.5).map((x) => x * x).reduce((a, b) => a + b)"
    ) == pytest.approx(1, abs=0.01)
    assert seen.run("partnersOf(cloudAt(0), cloudAt(1)).every((j, i) => j === i)")


def test_pointing_at_a_point_tells_who_it_is_and_labels_stay_text(seen: Seen) -> None:
    front = seen.run(
        """() => { let best = 0, near = -9;
        const hostile = clouds.shared.labels.findIndex((name) => name.includes("<"));
        eachSeen((i, x, y, z) => { if (cloudAt(0).labels[i] === hostile && z > near) { best = i; near = z; } });
        return best; }"""
    )
    seen.page.mouse.move(*seen.place(front))
    seen.page.wait_for_selector("#tip:not([hidden])")
    told = seen.page.inner_text("#tip")
    who = seen.run("state.point.i")
    assert f"{HOSTILE} {who}" in told.splitlines()[0] or f"{HOSTILE} " in told
    for word in ("label", "distance to centre", "local dimension", "density", "of the reference", "novelty"):
        assert word in told
    value = seen.run(f"valueOf(cloudAt(0), 'dimension', {who})")
    assert value == pytest.approx(record().arrays["point.mle.harmonic.0"][who], abs=0.2)
    assert seen.run("document.querySelectorAll('img[onerror]').length") == 0
    assert HOSTILE in seen.page.inner_text("#legend")


def test_the_brush_follows_the_same_rows_through_all_generations(seen: Seen) -> None:
    before = seen.pixels()
    x, y = seen.place(3)
    seen.page.keyboard.press("b")
    seen.page.mouse.move(x - 40, y - 40)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 40, y + 40, steps=3)
    seen.page.mouse.up()
    seen.settle()
    chosen = seen.run("[...state.selected].sort((a, b) => a - b)")
    assert 1 <= len(chosen) < records.N and 3 in chosen
    assert differing(before, seen.pixels()) > 0.005
    for g in (0, 2):
        seen.show(at=g)
        assert seen.run(f"markedRows(cloudAt({g})).map((i) => cloudAt({g}).keys[i]).sort((a, b) => a - b)") == chosen
    assert f"{len(chosen)} rows marked" in seen.page.inner_text("#selection")
    with seen.page.expect_download() as download:
        seen.page.click("#selection-save")
    lines = Path(download.value.path()).read_text().splitlines()
    assert len(lines) == 1 + GENERATIONS * len(chosen) and HOSTILE in lines[1]
    assert seen.run("['=1+1', '@x', 'a,\"b', '-'].map(asText).map(quoted)") == ["'=1+1", "'@x", '"a,""b"', "'-"]


def test_a_label_is_marked_from_the_legend_and_by_every_generation(seen: Seen) -> None:
    seen.page.locator("#legend button").first.click()
    seen.settle()
    counts = [seen.run(f"markedRows(cloudAt({g})).length") for g in range(GENERATIONS)]
    assert counts == [113] * GENERATIONS
    seen.page.keyboard.press("Escape")
    assert not seen.run("anyMarked()")


def test_the_null_stands_beside_the_data_at_one_key(seen: Seen) -> None:
    seen.page.keyboard.press("n")
    seen.settle()
    shot = seen.pixels()
    right = shot[:, shot.shape[1] // 2 :, :3]
    orange = (right[..., 0] > right[..., 2] + 60) & (right[..., 2] < 190)
    assert orange.mean() > 0.002 and seen.page.is_visible("#null-heading")
    seen.page.keyboard.press("n")
    seen.settle()
    assert not seen.page.is_visible("#null-heading")


def test_colours_slab_turn_arrows_and_reference_change_the_picture(seen: Seen) -> None:
    seen.show(at=1)
    plain = seen.pixels()
    choices = seen.run("[...byId('color').options].map((one) => one.value)")
    assert choices == ["label", "density", "dimension", "tail", "novelty", "radius", "generation"]
    for choice in choices[1:]:
        seen.page.select_option("#color", choice)
        seen.settle()
        assert differing(plain, seen.pixels()) > 0.005, choice
    seen.page.select_option("#color", "label")
    for toggle in ("a", "r"):
        seen.page.keyboard.press(toggle)
        seen.settle()
        assert differing(plain, seen.pixels()) > 0.003, toggle
        seen.page.keyboard.press(toggle)
    seen.page.locator("#slab").fill("0.2")
    seen.settle()
    cut = seen.pixels()
    inked = [(np.abs(shot[..., :3] - 255).max(axis=2) > 24).sum() for shot in (plain, cut)]
    assert inked[1] < 0.5 * inked[0]
    seen.run("reset()")
    seen.page.focus("#points")
    seen.page.keyboard.press("ArrowLeft")
    seen.settle()
    assert differing(plain, seen.pixels()) > 0.01
    seen.page.mouse.move(400, 450)
    seen.page.mouse.wheel(0, -300)
    seen.settle()
    assert seen.run("state.zoom") > 1.2


def test_pointing_at_a_generation_marks_it_everywhere_and_choosing_goes_there(seen: Seen) -> None:
    strip = seen.page.locator("#trends svg").first.locator("rect.hit").nth(2)
    strip.hover()
    seen.settle()
    assert seen.run("state.hover") == 2 and "generation 2" in seen.page.inner_text("#card h2")
    assert seen.page.locator("#generations tbody tr").nth(2).get_attribute("class").split() == ["linked", "hover"]
    assert "generation 2" in seen.page.inner_text("#spectra")
    strip.click()
    seen.settle()
    assert seen.run("now()") == 2
    seen.page.locator("#generations tbody tr").nth(1).click()
    assert seen.run("now()") == 1
    seen.page.locator("#plane g.linked").last.click()
    assert seen.run("now()") == 0
    seen.page.locator("#onsets li").first.click()
    assert seen.run("now()") == 1


def test_the_view_is_saved_as_a_picture(seen: Seen) -> None:
    with seen.page.expect_download() as download:
        seen.page.keyboard.press("p")
    from PIL import Image

    with Image.open(download.value.path()) as image:
        shot = np.asarray(image.convert("RGB"), int)
    assert download.value.suggested_filename == "generation-0.png"
    assert (np.abs(shot - 255).max(axis=2) > 24).mean() > 0.005


def test_everything_that_can_be_used_has_a_name(seen: Seen) -> None:
    nameless = seen.run(
        """() => [...document.querySelectorAll("button, input, select, canvas, svg, summary")].filter((one) =>
        !one.closest("[hidden], [aria-hidden], svg svg, #legend canvas") && !(one.getAttribute("aria-label")
        || one.textContent.trim() || one.closest("label"))).map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    assert seen.run("byId('slider').getAttribute('aria-valuetext')") == "generation 0 rich"


def test_light_and_dark(seen: Seen) -> None:
    light = seen.pixels()[2, -2, 0]
    seen.page.keyboard.press("t")
    seen.settle()
    dark = seen.pixels()[2, -2, 0]
    seen.page.keyboard.press("t")
    assert light > 240 and dark < 60


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_a_screen(opened: Seen, width: int) -> None:
    opened.page.set_viewport_size({"width": width, "height": 844})
    opened.run("document.querySelectorAll('.panel').forEach(one => one.append('n'.repeat(200)))")
    opened.settle()
    try:
        assert opened.run("document.documentElement.scrollWidth") <= width
        assert opened.run("canvas.clientWidth") > 0.55 * width
    finally:
        opened.run("document.querySelectorAll('.panel').forEach(one => one.lastChild.remove())")
        opened.page.set_viewport_size({"width": 1280, "height": 900})


def test_without_webgl2_the_static_figures_stand_there(browser: Any, path: Path) -> None:
    seen = Seen(browser, path)
    seen.page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        " return kind === 'webgl2' ? null : get.call(this, kind, ...rest); };"
    )
    seen.open()
    assert "no WebGL2" in seen.page.inner_text("#fallback")
    assert seen.run("byId('figures').open && !byId('stage').checkVisibility()")
    assert seen.page.locator("#trends svg").count() > 3 and seen.wrong == []
    seen.page.close()


def test_a_cell_of_the_heat_map_shows_its_layer(browser: Any, tmp_path: Path) -> None:
    two = test_report_layers.record()
    places = {f"coordinates.radial.{p}": np.random.default_rng(p).normal(size=(50, 3)) for p in range(6)}
    (tmp_path / "report.html").write_text(built(replace(two, arrays={**two.arrays, **places}), {}), "utf-8")
    seen = Seen(browser, tmp_path / "report.html").open()
    assert seen.run("layer().layer") == "block.1.mlp"
    seen.page.locator("#heat svg").first.locator("rect[cursor]").nth(2).click()
    seen.until("state.layer === 0")
    seen.settle()
    assert seen.run("now()") == 2 and seen.page.input_value("#layer") == "0" and seen.wrong == []
    seen.page.close()


@pytest.mark.long
def test_six_generations_of_a_hundred_thousand_points_load_and_draw_in_time(browser: Any, tmp_path: Path) -> None:
    made = records.record(6)
    rng, n = np.random.default_rng(0), 100_000
    arrays = dict(made.arrays)
    for g in range(6):
        arrays |= {f"coordinates.radial.{g}": rng.normal(size=(n, 3)), f"rows.{g}": np.arange(n)}
        arrays |= {f"labels.{g}": np.array([f"class {i}" for i in range(8)])[rng.integers(0, 8, n)]}
        arrays |= {f"point.mle.harmonic.{g}": rng.uniform(5, 25, n)}
    inputs = [{**one, "n": n} for one in made.run["inputs"]]
    (tmp_path / "report.html").write_text(
        built(replace(made, run={**made.run, "inputs": inputs}, arrays=arrays), {}), "utf-8"
    )
    seen = Seen(browser, tmp_path / "report.html").open()
    loaded = seen.run("performance.now()")
    assert seen.run("cloudAt(5).count") == n
    frame = """async () => { const times = []; for (let i = 0; i < 8; i++) { const start = performance.now();
    change({ turn: turned(state.turn, 0.1, 0), at: AT }); await new Promise((done) => requestAnimationFrame(done));
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); times.push(performance.now() - start); }
    return times.sort((a, b) => a - b)[4]; }"""
    still, between = (seen.run(frame.replace("AT", at)) for at in ("1", "1.5"))
    print(f"loaded in {loaded:.0f} ms, a frame {still:.0f} ms, between generations {between:.0f} ms")
    assert loaded < 3000 and still < 300 and between < 300 and seen.wrong == []
    seen.page.close()

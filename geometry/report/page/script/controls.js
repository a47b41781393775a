// Slider, play, buttons and keys; each button has its key, and what is on is told to screen readers.

const SECONDS = 1.3; // a generation, while playing
const TOGGLES = { null: "n", arrows: "a", ghost: "r", brush: "b" };
const WHOLE = 1.6; // of the slab's slider: nothing is cut
const STEP = 0.12; // radians a key
const byId = (id) => document.getElementById(id);

function openControls() {
  const slider = byId("slider");
  slider.addEventListener("input", () => change({ at: Number(slider.value), playing: false }));
  slider.addEventListener("change", () => change({ at: now() }));
  slider.addEventListener("keydown", steppedSlider);
  byId("play").addEventListener("click", () => play(!state.playing));
  byId("color").addEventListener("change", (event) => change({ color: event.target.value }));
  byId("slab").addEventListener("input", (event) => cut(Number(event.target.value)));
  byId("size").addEventListener("input", (event) => change({ size: Number(event.target.value) }));
  for (const key of Object.keys(TOGGLES)) byId(key).addEventListener("click", () => change({ [key]: !state[key] }));
  byId("reset").addEventListener("click", reset);
  byId("save").addEventListener("click", savePicture);
  byId("selection-clear").addEventListener("click", () => change({ selected: null, label: -1 }));
  byId("selection-save").addEventListener("click", saveSelection);
  byId("layer").addEventListener("change", (event) => chooseLayer(Number(event.target.value), now()));
  document.addEventListener("keydown", pressedKey);
  follow(["at", "layer", "playing"], drawTimeline);
  follow(["hover"], markTicks);
  follow(["null", "arrows", "ghost", "brush", "layer"], drawToggles);
  follow(["selected", "label", "at", "layer"], drawSelection);
}

// By keys the slider goes from one generation to the next, though it can be dragged to any place between.
const SLIDER_KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 1, PageDown: -1 };
function steppedSlider(event) {
  if (!SLIDER_KEYS[event.key]) return;
  event.preventDefault();
  change({ at: Math.max(0, Math.min(last(), now() + SLIDER_KEYS[event.key])), playing: false });
}

const cut = (thickness) => {
  const slab = thickness >= WHOLE ? Infinity : thickness;
  byId("slab").value = String(Math.min(thickness, WHOLE));
  byId("slab-value").textContent = slab === Infinity ? "whole" : `± ${slab.toFixed(2)} R`;
  change({ slab });
};

function reset() {
  cut(WHOLE);
  change({ turn: FRONT, zoom: 1, selected: null, label: -1 });
}

// Leaves the layer where it is unless it has to be another; its points are unpacked first.
async function chooseLayer(index, at) {
  if (index !== state.layer) {
    await openLayer(index);
    change({ layer: index, selected: null, label: -1, point: null, hover: null });
    fillColors();
  }
  byId("layer").value = String(index);
  change({ at: Math.min(at, last()), playing: false });
}

function fillColors() {
  const choices = colorings();
  byId("color").replaceChildren(...choices.map(([key, heading]) => new Option(heading, key)));
  const kept = choices.some(([key]) => key === state.color) ? state.color : (choices[0] || [""])[0];
  byId("color").value = kept;
  change({ color: kept });
  byId("matching").textContent =
    {
      ids: "Rows are followed by their ids.",
      numbers: "Rows carry no ids: rows of one number lie alike and are taken for one row.",
    }[clouds && clouds.shared.matching] ||
    (last() < 1 ? "" : "Rows of different generations are not matched: one picture fades into the next.");
}

let started = null;
function play(on) {
  if (on && last() < 1) return;
  const from = state.at >= last() ? 0 : state.at;
  change({ playing: on, ...(on ? { at: from, point: null } : { at: now() }) });
  started = null;
  if (on) requestAnimationFrame(step);
}

// One generation after the other, slow at both ends; without the way between where motion is unwanted.
function step(time) {
  if (!state.playing) return;
  started ??= { time, at: Math.floor(state.at) };
  const gone = (time - started.time) / 1000 / SECONDS;
  const [whole, part] = [Math.floor(gone), gone % 1];
  const eased = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : part * part * (3 - 2 * part);
  const at = Math.min(started.at + whole + eased, last());
  change(at >= last() ? { at: last(), playing: false } : { at });
  requestAnimationFrame(step);
}

function drawTimeline(changed) {
  const slider = byId("slider");
  if (!changed || changed.has("layer")) {
    slider.max = String(last());
    byId("ticks").replaceChildren(...layer().generations.map((one, g) => tick(one, g)));
    byId("timeline").hidden = last() < 1;
  }
  slider.value = String(state.at);
  slider.setAttribute("aria-valuetext", `${layer().generations[now()].title} ${layer().generations[now()].state}`);
  byId("play").textContent = state.playing ? "Pause" : "Play";
  byId("play").setAttribute("aria-pressed", state.playing);
  markTicks();
}

function tick(one, g) {
  const made = element("span", "", labelled(last() + 1, 16).includes(g) ? String(one.number) : "·");
  linked(made, g);
  return made;
}

function markTicks() {
  [...byId("ticks").children].forEach((made, g) => {
    made.classList.toggle("now", g === now());
    made.classList.toggle("hover", g === state.hover);
  });
}

function drawToggles() {
  for (const key of Object.keys(TOGGLES)) byId(key).setAttribute("aria-pressed", state[key]);
  for (const key of ["arrows", "ghost"]) byId(key).hidden = last() < 1;
  byId("arrows").disabled = !clouds || !clouds.shared.matching;
  byId("null").disabled = !clouds || !clouds.each.some((cloud) => cloud && cloud.null);
  canvas.classList.toggle("brushing", state.brush);
  byId("view").classList.toggle("double", state.null);
  const heading = byId("null-heading");
  heading.hidden = !state.null;
  heading.classList.toggle("stacked", canvas.clientHeight > 0.9 * canvas.clientWidth);
}

// How many rows are marked, here and in all generations.
function drawSelection() {
  byId("selection").hidden = !anyMarked();
  if (!anyMarked() || !clouds) return;
  const counts = clouds.each.map((cloud) => (cloud ? markedRows(cloud).length : 0));
  const what = state.selected ? "selected" : clouds.shared.labels[state.label];
  byId("selection-words").textContent =
    `${counts[now()].toLocaleString()} rows marked (${what}); by generation: ${counts.join(", ")}.`;
}

function markedRows(cloud) {
  const found = [];
  for (let i = 0; i < cloud.count; i++) if (isMarked(cloud, i)) found.push(i);
  return found;
}

const KEYS = {
  " ": () => play(!state.playing),
  ",": () => change({ at: Math.max(0, Math.ceil(state.at) - 1), playing: false }),
  ".": () => change({ at: Math.min(last(), Math.floor(state.at) + 1), playing: false }),
  "[": () => cut(Math.max(0.05, Math.min(state.slab, WHOLE) - 0.1)),
  "]": () => cut(Math.min(state.slab, WHOLE) + 0.1),
  "+": () => zoomBy(1.15),
  "=": () => zoomBy(1.15),
  "-": () => zoomBy(1 / 1.15),
  c: () => {
    byId("color").selectedIndex = (byId("color").selectedIndex + 1) % byId("color").length;
    change({ color: byId("color").value });
  },
  0: reset,
  p: () => savePicture(),
  t: () => byId("theme").click(),
  Escape: () => change({ selected: null, label: -1, point: null }),
};
const TURNS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

function pressedKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select")) return;
  const toggle = Object.keys(TOGGLES).find((key) => TOGGLES[key] === event.key);
  if (event.key === " " && event.target.closest("button, summary, a")) return;
  if (TURNS[event.key] && event.target === canvas)
    change({ turn: turned(state.turn, ...TURNS[event.key]), point: null });
  else if (toggle && !byId(toggle).disabled && !byId(toggle).hidden) change({ [toggle]: !state[toggle] });
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
}

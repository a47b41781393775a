// What the page shows, in one object; parts of the page say which keys they draw from and are called once a frame.

const state = {
  layer: RECORD.shown,
  at: 0, // place between generations: 2.25 is a quarter of the way from position 2 to 3
  hover: null, // position of a generation pointed at anywhere
  point: null, // { g, i } of the point under the pointer
  color: "",
  label: -1,
  selected: null, // Set of keys
  slab: Infinity,
  size: 1,
  turn: null,
  zoom: 1,
  null: false,
  arrows: false,
  ghost: false,
  brush: false,
  playing: false,
  dark: false,
  resized: 0,
};
const parts = [];
let dirty = new Set();
let asked = false;

// Call `draw` in the next frame after any of `keys` has changed.
function follow(keys, draw) {
  parts.push({ keys, draw });
}

function change(patch) {
  for (const [key, value] of Object.entries(patch)) {
    if (Object.is(state[key], value)) continue;
    state[key] = value;
    dirty.add(key);
  }
  if (dirty.size && !asked) {
    asked = true;
    requestAnimationFrame(refresh);
  }
}

function refresh() {
  const changed = dirty;
  dirty = new Set();
  asked = false;
  for (const part of parts) if (part.keys.some((key) => changed.has(key))) part.draw(changed);
}

const layer = () => RECORD.layers[state.layer];
const last = () => layer().generations.length - 1;
const now = () => Math.max(0, Math.min(last(), Math.round(state.at)));

// Whole-page links: pointing at a generation anywhere marks it everywhere, choosing it goes there.
function linked(element, g) {
  element.addEventListener("pointerenter", () => change({ hover: g }));
  element.addEventListener("pointerleave", () => change({ hover: null }));
  element.addEventListener("click", () => change({ at: g, playing: false }));
}

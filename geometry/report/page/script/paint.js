// The colour of every point: four bytes, the fourth 255 where the row is marked (by the brush or by a label).

const COLORINGS = { label: "label", generation: "generation", radius: "distance / R", novelty: "novelty" };
const RADII = [0.4, 1.6]; // of R, the ends of the colours by distance

// Keys of the colourings that this layer has data for, with their headings.
function colorings() {
  if (!clouds) return [];
  const some = (name) => clouds.each.some((cloud) => cloud && cloud[name]);
  const made = [];
  if (clouds.shared.labels.length) made.push(["label", COLORINGS.label]);
  for (const value of clouds.shared.values) if (some(value.key)) made.push([value.key, value.heading]);
  if (some("novelty")) made.push(["novelty", COLORINGS.novelty]);
  made.push(["radius", COLORINGS.radius], ["generation", COLORINGS.generation]);
  return made;
}

const scaleOf = (key) => clouds.shared.values.find((value) => value.key === key);
const valueOf = (cloud, key, i) => {
  const scale = scaleOf(key);
  const level = cloud[key] ? cloud[key][i] : MISSING;
  return level === MISSING ? null : scale.low + (level / 254) * (scale.high - scale.low);
};

// (n) colours of 256 levels, the last for what has no value.
function ramp() {
  return [...Array.from({ length: 255 }, (_, level) => ordered(level / 254)), NOTHING];
}

function levelsOf(cloud, g) {
  const count = clouds.shared.labels.length;
  if (state.color === "generation") return { levels: () => 0, table: [generationColor(g, last() + 1)] };
  if (state.color === "radius") return { levels: (i) => radiusLevel(cloud, i), table: ramp() };
  if (state.color === "label" && cloud.labels) {
    return { levels: (i) => cloud.labels[i], table: clouds.shared.labels.map((_, code) => labelColor(code, count)) };
  }
  if (!cloud[state.color]) return { levels: () => 0, table: [NOTHING] };
  const table = state.color === "novelty" ? Array.from({ length: 256 }, (_, kind) => KINDS[kind] || NOTHING) : ramp();
  return { levels: (i) => cloud[state.color][i], table };
}

function radiusLevel(cloud, i) {
  const radius = Math.hypot(...placeOf(cloud, i)) / (cloud.rms || 1);
  return Math.round(254 * Math.max(0, Math.min(1, (radius - RADII[0]) / (RADII[1] - RADII[0]))));
}

const isMarked = (cloud, i) =>
  state.selected
    ? state.selected.has(cloud.keys[i])
    : state.label >= 0 && cloud.labels && cloud.labels[i] === state.label;
const anyMarked = () => state.selected !== null || state.label >= 0;

// (n, 4) bytes of a generation's points.
function painted(cloud, g) {
  const { levels, table } = levelsOf(cloud, g);
  const made = new Uint8Array(4 * cloud.count);
  const marking = anyMarked();
  for (let i = 0; i < cloud.count; i++) {
    made.set(table[levels(i)], 4 * i);
    made[4 * i + 3] = marking && isMarked(cloud, i) ? 255 : 0;
  }
  return made;
}

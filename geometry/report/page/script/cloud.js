// The points of each generation, unpacked when a layer is first shown; which rows of two generations are the same; and
// where a point stands on its way between them.

const MIDDLE = 32767;
const MISSING = 255;
const unpackedLayers = new Map();
let clouds = null; // of the layer that is shown: { shared, each: [cloud | null], ids }

async function openLayer(index) {
  if (!unpackedLayers.has(index)) unpackedLayers.set(index, await unpackedLayer(RECORD.layers[index].clouds));
  clouds = unpackedLayers.get(index);
}

async function unpackedLayer(shared) {
  if (!shared) return null;
  const each = await Promise.all(shared.generations.map((one) => (one ? unpackedCloud(one, shared.values) : null)));
  return {
    shared,
    each,
    ids: await unpacked(shared.ids),
    size: Math.max(...each.map((one) => (one ? extent(one) : 0))),
  };
}

async function unpackedCloud(one, values) {
  const names = ["labels", "novelty", ...values.map((value) => value.key)];
  const [places, keys, nullPlaces, ...columns] = await Promise.all(
    [one.places, one.keys, one.null && one.null.places, ...names.map((name) => one[name])].map(unpacked),
  );
  const made = {
    count: one.count,
    total: one.total,
    reach: one.reach,
    places: interleaved(places),
    keys: summed(keys),
  };
  made.null = nullPlaces && { count: one.null.count, reach: one.null.reach, places: interleaved(nullPlaces) };
  names.forEach((name, i) => {
    made[name] = columns[i];
  });
  made.rms = rms(made);
  return made;
}

// x, y, z of all rows one axis after the other -> row by row.
function interleaved(axes) {
  const count = axes.length / 3;
  const made = new Uint16Array(axes.length);
  for (let axis = 0; axis < 3; axis++) for (let i = 0; i < count; i++) made[3 * i + axis] = axes[axis * count + i];
  return made;
}

function rms(cloud) {
  let sum = 0;
  for (let i = 0; i < cloud.places.length; i++) sum += (cloud.places[i] - MIDDLE) ** 2;
  return cloud.count ? (Math.sqrt(sum / cloud.count) / MIDDLE) * cloud.reach : 0;
}

// The radius that holds nearly all rows: far outliers do not shrink the picture.
function extent(cloud) {
  const step = Math.max(1, Math.floor(cloud.count / 4000));
  const radii = [];
  for (let i = 0; i < cloud.count; i += step) radii.push(Math.hypot(...placeOf(cloud, i)));
  radii.sort((a, b) => a - b);
  return Math.max(radii[Math.floor(0.995 * (radii.length - 1))] || 0, cloud.rms);
}

const reach = () => (clouds && clouds.size) || 1;
const cloudAt = (g) => clouds && clouds.each[g];

function placeOf(cloud, i) {
  const step = cloud.reach / MIDDLE;
  return [0, 1, 2].map((axis) => (cloud.places[3 * i + axis] - MIDDLE) * step);
}

// The generations on both sides of the place of the slider, and how far along the way it is.
function segment() {
  const g = Math.min(Math.floor(state.at), last());
  const way = state.at - g;
  const h = way > 0 ? g + 1 : g;
  return cloudAt(h) && cloudAt(g) ? { g, h, way } : { g: now(), h: now(), way: 0 };
}

const partners = new WeakMap();
// Per point of one generation the number of the same row in another, -1 where it is not there.
function partnersOf(from, to) {
  if (!partners.has(from)) partners.set(from, new Map());
  const known = partners.get(from);
  if (!known.has(to)) known.set(to, matched(from, to));
  return known.get(to);
}

function matched(from, to) {
  const made = new Int32Array(from.count).fill(-1);
  if (!clouds.shared.matching) return made;
  const where = placesByKey(to);
  for (let i = 0; i < from.count; i++) made[i] = where.has(from.keys[i]) ? where.get(from.keys[i]) : -1;
  return made;
}

function placesByKey(cloud) {
  if (!cloud.byKey) {
    cloud.byKey = new Map();
    for (let i = 0; i < cloud.count; i++) cloud.byKey.set(cloud.keys[i], i);
  }
  return cloud.byKey;
}

// Between two places the distance to the centre goes evenly from one to the other: nothing passes through the inside.
function between(a, b, way) {
  const mixed = a.map((value, axis) => value + (b[axis] - value) * way);
  const length = Math.hypot(...mixed);
  const wanted = Math.hypot(...a) * (1 - way) + Math.hypot(...b) * way;
  return length > 0 ? mixed.map((value) => (value * wanted) / length) : mixed;
}

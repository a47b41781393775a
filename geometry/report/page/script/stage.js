// The points and arrows on the canvas. Everything that does not move lies in buffers made once; a change of generation
// gathers the next places of the same rows, a change of colour repaints.

const canvas = document.getElementById("points");
const CORNERS = new Float32Array([0, -1, 0, 1, 1, 0]);
let gl = null;
let programs = null;
let stored = new WeakMap(); // cloud or null -> { places, colors, painted }
let way = null; // buffers of the current segment
let painting = 0; // counts repaints

function openStage() {
  gl = canvas.getContext("webgl2", { antialias: false, alpha: false, premultipliedAlpha: true });
  if (!gl) return false;
  prepare();
  canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
  canvas.addEventListener("webglcontextrestored", () => {
    prepare();
    change({ resized: state.resized + 1 });
  });
  return true;
}

function prepare() {
  stored = new WeakMap();
  way = null;
  programs = {
    points: program(gl, SHADERS["points.vert"], SHADERS["points.frag"]),
    arrows: program(gl, SHADERS["arrows.vert"], SHADERS["arrows.frag"]),
    corners: buffer(gl, CORNERS),
  };
}

const repaint = () => {
  painting += 1;
};

function buffersOf(cloud) {
  if (!stored.has(cloud)) stored.set(cloud, { places: buffer(gl, cloud.places), colors: null, painted: -1 });
  return stored.get(cloud);
}

function colorsOf(cloud, g) {
  const own = buffersOf(cloud);
  if (own.painted !== painting) {
    if (own.colors) gl.deleteBuffer(own.colors);
    own.bytes = painted(cloud, g);
    own.colors = buffer(gl, own.bytes);
    own.painted = painting;
  }
  return own;
}

// The buffers of the way from generation g to h: rows that are in both, rows that go and rows that come.
function wayOf(g, h) {
  if (way && way.g === g && way.h === h && way.painting === painting && way.clouds === clouds) return way;
  if (way) for (const key of ["places", "colors", "both", "gone", "come"]) if (way[key]) gl.deleteBuffer(way[key]);
  const [from, to] = [cloudAt(g), cloudAt(h)];
  const forth = partnersOf(from, to);
  const back = partnersOf(to, from);
  const colors = gathered(colorsOf(to, h).bytes, forth, 4);
  const rows = (partner, there) =>
    Uint32Array.from({ length: partner.length }, (_, i) => i).filter((i) => partner[i] >= 0 === there);
  const lists = { both: rows(forth, true), gone: rows(forth, false), come: rows(back, false) };
  const counts = Object.fromEntries(Object.entries(lists).map(([key, list]) => [key, list.length]));
  const indexes = Object.fromEntries(
    Object.entries(lists).map(([key, list]) => [key, list.length ? indexBuffer(list) : null]),
  );
  const places = gathered(to.places, forth, 3);
  way = { g, h, painting, clouds, counts, ...indexes, places: buffer(gl, places), colors: buffer(gl, colors) };
  return way;
}

function gathered(values, partner, width) {
  const made = new values.constructor(width * partner.length);
  for (let i = 0; i < partner.length; i++)
    if (partner[i] >= 0) for (let c = 0; c < width; c++) made[width * i + c] = values[width * partner[i] + c];
  return made;
}

function indexBuffer(list) {
  const made = gl.createBuffer();
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, made);
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, list, gl.STATIC_DRAW);
  return made;
}

function drawStage() {
  if (!gl || gl.isContextLost() || !clouds) return;
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const paper = themedRgb("stage");
  gl.clearColor(...paper.map((value) => value / 255), 1);
  gl.disable(gl.SCISSOR_TEST);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  gl.enable(gl.DEPTH_TEST);
  gl.enable(gl.BLEND);
  gl.depthFunc(gl.LEQUAL);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  for (const frame of frames(width, height)) drawFrame(frame, height, ratio, paper);
  gl.bindVertexArray(null);
}

function drawFrame(frame, height, ratio, paper) {
  const box = [frame.x, height - frame.y - frame.height, frame.width, frame.height].map((value) =>
    Math.round(value * ratio),
  );
  gl.viewport(...box);
  gl.scissor(...box);
  gl.enable(gl.SCISSOR_TEST);
  const { g, h, way: along } = segment();
  const rmsNow = cloudAt(g) ? cloudAt(g).rms * (1 - along) + cloudAt(h).rms * along : 1;
  const shared = { frame, ratio, paper, rms: rmsNow || 1 };
  if (!cloudAt(g)) return;
  if (frame.isNull) return drawNull(shared, along < 0.5 ? g : h);
  if (state.ghost && layer().reference !== g) drawGhost(shared);
  if (along === 0) drawOne(shared, g);
  else drawWay(shared, g, h, along);
  if (state.arrows) drawArrows(shared);
}

function usePoints({ frame, ratio, paper, rms }, count) {
  const { points } = programs;
  gl.useProgram(points.made);
  gl.uniformMatrix3fv(uniform(gl, points, "turn"), true, state.turn);
  gl.uniform2f(uniform(gl, points, "stretch"), (2 * frame.unit) / frame.width, (2 * frame.unit) / frame.height);
  gl.uniform1f(uniform(gl, points, "slab"), state.slab);
  gl.uniform1f(uniform(gl, points, "rms"), rms);
  gl.uniform1f(uniform(gl, points, "diameter"), diameter(frame, count) * ratio);
  gl.uniform1f(uniform(gl, points, "soft"), Math.min(0.6, 1.3 / (diameter(frame, count) * ratio)));
  gl.uniform3f(uniform(gl, points, "paper"), ...paper.map((value) => value / 255));
  gl.uniform1f(uniform(gl, points, "marking"), anyMarked() ? 1 : 0);
}

// CSS pixels across a point: smaller where there are many, larger where there is room.
function diameter(frame, count) {
  const room = Math.min(frame.width, frame.height) / 500;
  return state.size * Math.max(2.2, Math.min(6.5, 38 * Math.pow(count, -0.25) * room * Math.pow(state.zoom, 0.4)));
}

function bindPoints(here, there, reaches, colors, along, opacity) {
  const { points } = programs;
  input(gl, 0, here, 3, gl.UNSIGNED_SHORT);
  input(gl, 1, there, 3, gl.UNSIGNED_SHORT);
  input(gl, 2, colors[0], 4, gl.UNSIGNED_BYTE);
  input(gl, 3, colors[1], 4, gl.UNSIGNED_BYTE);
  gl.uniform1f(uniform(gl, points, "reachHere"), reaches[0]);
  gl.uniform1f(uniform(gl, points, "reachThere"), reaches[1]);
  gl.uniform1f(uniform(gl, points, "way"), along);
  gl.uniform1f(uniform(gl, points, "opacity"), opacity);
}

// With the null beside them, as many points as it has, evenly taken.
function shownStep(cloud) {
  return state.null && cloud.null ? Math.max(1, Math.floor(cloud.count / cloud.null.count)) : 1;
}

function drawOne(shared, g) {
  const cloud = cloudAt(g);
  const step = shownStep(cloud);
  const own = colorsOf(cloud, g);
  const count = Math.floor(cloud.count / step);
  usePoints(shared, count);
  bindPoints(own.places, own.places, [cloud.reach, cloud.reach], [own.colors, own.colors], 0, 0.92);
  if (step > 1) {
    input(gl, 0, own.places, 3, gl.UNSIGNED_SHORT, { stride: 6 * step });
    input(gl, 1, own.places, 3, gl.UNSIGNED_SHORT, { stride: 6 * step });
    input(gl, 2, own.colors, 4, gl.UNSIGNED_BYTE, { stride: 4 * step });
    input(gl, 3, own.colors, 4, gl.UNSIGNED_BYTE, { stride: 4 * step });
  }
  gl.drawArrays(gl.POINTS, 0, count);
}

function drawWay(shared, g, h, along) {
  const [from, to] = [cloudAt(g), cloudAt(h)];
  const [here, there, both] = [colorsOf(from, g), colorsOf(to, h), wayOf(g, h)];
  usePoints(shared, from.count);
  const draws = [
    [
      both.both,
      both.counts.both,
      here.places,
      both.places,
      [from.reach, to.reach],
      [here.colors, both.colors],
      along,
      0.92,
    ],
    [
      both.gone,
      both.counts.gone,
      here.places,
      here.places,
      [from.reach, from.reach],
      [here.colors, here.colors],
      0,
      0.92 * (1 - along),
    ],
    [
      both.come,
      both.counts.come,
      there.places,
      there.places,
      [to.reach, to.reach],
      [there.colors, there.colors],
      0,
      0.92 * along,
    ],
  ];
  for (const [rows, count, ...bound] of draws) {
    if (!rows) continue;
    bindPoints(...bound);
    if (count === from.count && rows === both.both) {
      gl.drawArrays(gl.POINTS, 0, count);
      continue;
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, rows);
    gl.drawElements(gl.POINTS, count, gl.UNSIGNED_INT, 0);
  }
}

// A cloud in one colour, given as a constant input.
function drawPlain(shared, cloud, rgb, opacity, own) {
  usePoints(shared, cloud.count);
  gl.uniform1f(uniform(gl, programs.points, "marking"), 0);
  bindPoints(own.places, own.places, [cloud.reach, cloud.reach], [own.places, own.places], 0, opacity);
  for (const at of [2, 3]) {
    gl.disableVertexAttribArray(at);
    gl.vertexAttrib4f(at, ...rgb.map((value) => value / 255), 0);
  }
  gl.drawArrays(gl.POINTS, 0, cloud.count);
}

function drawNull(shared, g) {
  const drawn = cloudAt(g).null;
  if (drawn) drawPlain(shared, drawn, themedRgb("null"), 0.8, buffersOf(drawn));
}

function drawGhost(shared) {
  const reference = cloudAt(layer().reference);
  if (!reference) return;
  drawPlain(shared, reference, themedRgb("faint"), 0.28, buffersOf(reference));
  gl.clear(gl.DEPTH_BUFFER_BIT);
}

// Arrows of the rows that are in both generations: blue where a row comes nearer to the centre, orange where it leaves.

const MOST_ARROWS = 400;

// From the generation shown to the next one; at the last from the one before. Marked rows, or some of all.
function drawArrows({ frame, ratio, rms }) {
  const g = Math.min(Math.floor(state.at), last() - 1);
  const [from, to] = [cloudAt(g), cloudAt(g + 1)];
  if (!from || !to || !clouds.shared.matching) return;
  const rows = arrowRows(from, to);
  const { arrows, corners } = programs;
  const [here, there] = [new Uint16Array(3 * rows.length), new Uint16Array(3 * rows.length)];
  rows.forEach(([i, j], k) => {
    here.set(from.places.subarray(3 * i, 3 * i + 3), 3 * k);
    there.set(to.places.subarray(3 * j, 3 * j + 3), 3 * k);
  });
  const [a, b] = [buffer(gl, here), buffer(gl, there)];
  gl.useProgram(arrows.made);
  gl.disableVertexAttribArray(3);
  input(gl, 0, a, 3, gl.UNSIGNED_SHORT, { each: 1 });
  input(gl, 1, b, 3, gl.UNSIGNED_SHORT, { each: 1 });
  input(gl, 2, corners, 2, gl.FLOAT);
  const set = (name, ...values) => gl[`uniform${values.length}f`](uniform(gl, arrows, name), ...values);
  gl.uniformMatrix3fv(uniform(gl, arrows, "turn"), true, state.turn);
  set("stretch", (2 * frame.unit) / frame.width, (2 * frame.unit) / frame.height);
  set("pixels", (frame.width * ratio) / 2, (frame.height * ratio) / 2);
  set("width", 1.8 * ratio);
  set("reachHere", from.reach);
  set("reachThere", to.reach);
  set("slab", state.slab);
  set("rms", rms);
  set("inward", ...themedRgb("data").map((value) => value / 255));
  set("outward", ...themedRgb("null").map((value) => value / 255));
  gl.drawArraysInstanced(gl.TRIANGLES, 0, 3, rows.length);
  for (const at of [0, 1, 2]) gl.vertexAttribDivisor(at, 0);
  gl.deleteBuffer(a);
  gl.deleteBuffer(b);
}

// Pairs of row numbers.
function arrowRows(from, to) {
  const partner = partnersOf(from, to);
  const found = [];
  for (let i = 0; i < from.count; i++)
    if (partner[i] >= 0 && (!anyMarked() || isMarked(from, i))) found.push([i, partner[i]]);
  const step = Math.max(1, Math.ceil(found.length / MOST_ARROWS));
  return found.filter((_, k) => k % step === 0);
}

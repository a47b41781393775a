// Which point lies under the pointer, and which rows lie in a rectangle: by looking at all of them, a few milliseconds.

const NEAR = 12; // CSS pixels

function seen([x, y, z]) {
  const m = state.turn;
  return [m[0] * x + m[1] * y + m[2] * z, m[3] * x + m[4] * y + m[5] * z, m[6] * x + m[7] * y + m[8] * z];
}

const onScreen = ([x, y], frame) => [
  frame.x + frame.width / 2 + x * frame.unit,
  frame.y + frame.height / 2 - y * frame.unit,
];

// Call `visit(i, x, y, z)` for every point of the generation shown that the slab leaves in.
function eachSeen(visit) {
  const cloud = cloudAt(now());
  if (!cloud) return;
  const [frame] = frames(canvas.clientWidth, canvas.clientHeight);
  const m = state.turn;
  const step = cloud.reach / MIDDLE;
  const [middleX, middleY] = [frame.x + frame.width / 2, frame.y + frame.height / 2];
  const thickness = state.slab * cloud.rms;
  for (let i = 0, p = 0; i < cloud.count; i++, p += 3) {
    const x = (cloud.places[p] - MIDDLE) * step;
    const y = (cloud.places[p + 1] - MIDDLE) * step;
    const z = (cloud.places[p + 2] - MIDDLE) * step;
    const depth = m[6] * x + m[7] * y + m[8] * z;
    if (Math.abs(depth) > thickness) continue;
    const right = m[0] * x + m[1] * y + m[2] * z;
    const up = m[3] * x + m[4] * y + m[5] * z;
    visit(i, middleX + right * frame.unit, middleY - up * frame.unit, depth / (cloud.rms || 1));
  }
}

// The nearest point on the screen; of two as near, the one in front. Null where none is near.
function nearest(x, y) {
  let best = NEAR * NEAR;
  let found = null;
  const marking = anyMarked();
  const cloud = cloudAt(now());
  eachSeen((i, px, py, depth) => {
    const away = (px - x) ** 2 + (py - y) ** 2;
    if (away > NEAR * NEAR) return;
    const score = away - 6 * depth + (marking && !isMarked(cloud, i) ? 60 : 0);
    if (score < best) {
      best = score;
      found = i;
    }
  });
  return found === null ? null : { g: now(), i: found };
}

// Keys of the rows inside a rectangle.
function inside({ x0, y0, x1, y1 }) {
  const keys = new Set();
  const cloud = cloudAt(now());
  const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
  const [top, bottom] = [Math.min(y0, y1), Math.max(y0, y1)];
  eachSeen((i, x, y) => {
    if (x >= left && x <= right && y >= top && y <= bottom) keys.add(cloud.keys[i]);
  });
  return keys;
}

// The camera: orthographic, so that distances from the centre stay true; a turn is a 3 x 3 matrix, row by row.

const FRONT = [1, 0, 0, 0, 1, 0, 0, 0, 1];

function product(a, b) {
  const made = new Array(9);
  for (let row = 0; row < 3; row++)
    for (let column = 0; column < 3; column++)
      made[3 * row + column] = a[3 * row] * b[column] + a[3 * row + 1] * b[3 + column] + a[3 * row + 2] * b[6 + column];
  return made;
}

// Turn by angles about the vertical and the horizontal axis of the screen; kept orthonormal.
function turned(turn, across, down) {
  const [c, s, e, f] = [Math.cos(across), Math.sin(across), Math.cos(down), Math.sin(down)];
  return orthonormal(product(product([1, 0, 0, 0, e, -f, 0, f, e], [c, 0, s, 0, 1, 0, -s, 0, c]), turn));
}

function orthonormal(m) {
  const unit = (v) => {
    const n = Math.hypot(...v);
    return v.map((x) => x / n);
  };
  const x = unit(m.slice(0, 3));
  const along = x[0] * m[3] + x[1] * m[4] + x[2] * m[5];
  const y = unit([m[3] - along * x[0], m[4] - along * x[1], m[5] - along * x[2]]);
  return [...x, ...y, x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
}

// Pictures on the canvas: the data, or data and null side by side (one above the other where the canvas is tall).
// x, y, width, height in CSS pixels from the top left; unit is pixels per unit of length.
function frames(width, height) {
  const tall = height > 0.9 * width;
  const count = state.null ? 2 : 1;
  const [w, h] = tall ? [width, height / count] : [width / count, height];
  const unit = (0.47 * Math.min(w, h) * state.zoom) / reach();
  return Array.from({ length: count }, (_, i) => ({
    x: tall ? 0 : i * w,
    y: tall ? i * h : 0,
    width: w,
    height: h,
    unit,
    isNull: i === 1,
  }));
}

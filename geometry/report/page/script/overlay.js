// What lies over the points: circles at the rms radius, the rectangle of the brush, the point under the pointer.

const overlay = document.getElementById("overlay");
let rectangle = null; // of the brush, in CSS pixels

function drawOverlay() {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  overlay.width = Math.round(canvas.clientWidth * ratio);
  overlay.height = Math.round(canvas.clientHeight * ratio);
  const pen = overlay.getContext("2d");
  pen.scale(ratio, ratio);
  if (clouds) overlayOn(pen, canvas.clientWidth, canvas.clientHeight);
}

// On any pen, so that a saved picture has the same marks.
function overlayOn(pen, width, height) {
  const { g, h, way: along } = segment();
  if (!cloudAt(g)) return;
  const reference = cloudAt(layer().reference);
  const size = cloudAt(g).rms * (1 - along) + cloudAt(h).rms * along;
  for (const frame of frames(width, height)) {
    const centre = [frame.x + frame.width / 2, frame.y + frame.height / 2];
    if (reference) circle(pen, centre, reference.rms * frame.unit, themed("muted"), [1.5, 4]);
    circle(pen, centre, size * frame.unit, themed("muted"), []);
    named(pen, centre, size, reference, frame);
  }
  if (state.null) divided(pen, width, height);
  if (state.point) ringed(pen, width, height);
  if (rectangle) boxed(pen);
}

function circle(pen, [x, y], radius, color, dashes) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.setLineDash(dashes);
  pen.lineWidth = 1;
  pen.strokeStyle = color;
  pen.globalAlpha = 0.8;
  pen.stroke();
  pen.globalAlpha = 1;
  pen.setLineDash([]);
}

// The rms radius in words, beside its circle: over the reference's where there is one.
function named(pen, [x, y], size, reference, frame) {
  const share =
    reference && reference.rms > 0 && layer().reference !== state.at
      ? ` = ${(size / reference.rms).toFixed(2)} R₀`
      : "";
  const away = size * frame.unit * Math.SQRT1_2 + 4;
  if (away > 0.5 * Math.min(frame.width, frame.height)) return;
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = themed("ink");
  pen.strokeStyle = themed("stage");
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.strokeText(`R${share}`, x + away, y - away);
  pen.fillText(`R${share}`, x + away, y - away);
}

function divided(pen, width, height) {
  const [, second] = frames(width, height);
  pen.strokeStyle = themed("line");
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(second.x, second.y);
  pen.lineTo(second.x > 0 ? second.x : width, second.x > 0 ? height : second.y);
  pen.stroke();
}

function ringed(pen, width, height) {
  const cloud = cloudAt(state.point.g);
  if (!cloud || state.point.g !== now()) return;
  const [frame] = frames(width, height);
  const [x, y] = onScreen(seen(placeOf(cloud, state.point.i)), frame);
  pen.beginPath();
  pen.arc(x, y, 6, 0, 2 * Math.PI);
  pen.lineWidth = 2;
  pen.strokeStyle = themed("ink");
  pen.stroke();
}

function boxed(pen) {
  const [x, y, w, h] = [rectangle.x0, rectangle.y0, rectangle.x1 - rectangle.x0, rectangle.y1 - rectangle.y0];
  pen.fillStyle = themed("focus");
  pen.globalAlpha = 0.12;
  pen.fillRect(x, y, w, h);
  pen.globalAlpha = 1;
  pen.strokeStyle = themed("focus");
  pen.lineWidth = 1;
  pen.strokeRect(x, y, w, h);
}

// Mouse, pen and fingers on the canvas: drag turns, with Shift or in Select mode it brushes; wheel and pinch zoom.

const fingers = new Map();
const TURN = 0.008; // radians a pixel

function openPointer() {
  canvas.addEventListener("pointerdown", pressed);
  canvas.addEventListener("pointermove", moved);
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, released);
  canvas.addEventListener("pointerleave", () => change({ point: null }));
  canvas.addEventListener("wheel", wheeled, { passive: false });
}

const placeIn = (event) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

function pressed(event) {
  canvas.setPointerCapture(event.pointerId);
  const [x, y] = placeIn(event);
  fingers.set(event.pointerId, [x, y]);
  if (fingers.size === 1 && (state.brush || event.shiftKey)) rectangle = { x0: x, y0: y, x1: x, y1: y };
  change({ point: null });
}

function moved(event) {
  const [x, y] = placeIn(event);
  const before = fingers.get(event.pointerId);
  if (!before) return hovered(x, y);
  if (rectangle) {
    Object.assign(rectangle, { x1: x, y1: y });
    change({ resized: state.resized + 1 });
  } else if (fingers.size === 1) {
    change({ turn: turned(state.turn, (x - before[0]) * TURN, (y - before[1]) * TURN) });
  } else pinched(event.pointerId, [x, y]);
  fingers.set(event.pointerId, [x, y]);
}

let waiting = false;
function hovered(x, y) {
  if (waiting || hoverless()) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    const found = clouds && !state.playing ? nearest(x, y) : null;
    const same = found && state.point && found.i === state.point.i && found.g === state.point.g;
    if (!same) change({ point: found });
    canvas.classList.toggle("over", found !== null);
  });
}

const hoverless = () => matchMedia("(hover: none)").matches;

function pinched(id, place) {
  const other = [...fingers].find(([key]) => key !== id)[1];
  const before = fingers.get(id);
  const ratio =
    Math.hypot(place[0] - other[0], place[1] - other[1]) /
    (Math.hypot(before[0] - other[0], before[1] - other[1]) || 1);
  zoomBy(ratio);
}

function released(event) {
  fingers.delete(event.pointerId);
  if (!rectangle) return tapped(event);
  const keys = inside(rectangle);
  rectangle = null;
  change({ selected: keys.size ? keys : null, label: -1, resized: state.resized + 1 });
}

// A finger has no hover: a tap tells the point.
function tapped(event) {
  if (event.pointerType === "touch" && clouds) change({ point: nearest(...placeIn(event)) });
}

function wheeled(event) {
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY * 0.0012));
}

const zoomBy = (ratio) => change({ zoom: Math.max(0.5, Math.min(20, state.zoom * ratio)) });

// Charts as inline SVG: elements, scales, ticks, axes. Colours come from the style sheet by class.

const SPACE = "http://www.w3.org/2000/svg";

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// An empty chart as wide as its parent; x and y are the ranges of its inside, in pixels.
function chart(parent, height, margins, label) {
  const width = Math.max(parent.clientWidth, 160);
  const root = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  parent.append(root);
  return { root, width, height, x: [margins.left, width - margins.right], y: [height - margins.bottom, margins.top] };
}

function linear([low, high], [from, to]) {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

const logarithmic = ([low, high], range) => {
  const scale = linear([Math.log(low), Math.log(high)], range);
  return (value) => scale(Math.log(value));
};

// Round numbers between low and high, about `count` of them.
function ticksOf(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const made = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++)
    made.push(Number((k * step).toPrecision(12)));
  return made;
}

// Powers of ten, with 2 and 5 between them where there is room.
function logTicks(low, high, most) {
  const every = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const m of [1, 2, 5])
      if (m * 10 ** power >= low * 0.999 && m * 10 ** power <= high * 1.001) every.push([m, m * 10 ** power]);
  if (every.length <= most) return every.map(([, value]) => value);
  const tens = every.filter(([m]) => m === 1).map(([, value]) => value);
  const step = Math.ceil(tens.length / most);
  return tens.filter((_, i) => i % step === 0);
}

const plain = (value) =>
  (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e4)
    ? value.toExponential(0)
    : String(Number(value.toPrecision(4)))
  )
    .replace("e+", "e")
    .replaceAll("-", "−");

function below(made, scale, values, words = plain) {
  for (const value of values) {
    made.root.append(svg("text", { x: scale(value), y: made.y[0] + 14, "text-anchor": "middle" }, words(value)));
  }
  made.root.append(svg("line", { class: "axis", x1: made.x[0], x2: made.x[1], y1: made.y[0], y2: made.y[0] }));
}

function beside(made, scale, values, words = plain) {
  for (const value of values) {
    made.root.append(svg("line", { class: "grid", x1: made.x[0], x2: made.x[1], y1: scale(value), y2: scale(value) }));
    made.root.append(svg("text", { x: made.x[0] - 5, y: scale(value) + 4, "text-anchor": "end" }, words(value)));
  }
}

const pathOf = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

// Invisible strips about the places of the generations, linked to them.
function strips(made, scale, places) {
  places.forEach((g, i) => {
    const left = i ? (scale(places[i - 1]) + scale(g)) / 2 : made.x[0] - 8;
    const right = i < places.length - 1 ? (scale(places[i + 1]) + scale(g)) / 2 : made.x[1] + 8;
    const strip = svg("rect", {
      class: "hit",
      x: left,
      width: Math.max(right - left, 1),
      y: made.y[1],
      height: made.y[0] - made.y[1] + 18,
    });
    linked(strip, g);
    made.root.append(strip);
  });
}

// At most `most` of the positions, the last among them.
function labelled(count, most) {
  const step = Math.ceil(count / most);
  return Array.from({ length: count }, (_, g) => g).filter((g) => g % step === 0);
}

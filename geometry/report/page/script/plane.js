// The plane: angle dimension against each structure gauge, and the path of the generations through it.

const PLANE = { left: 34, right: 14, top: 20, bottom: 32 };
let planeMarks = [];

function drawPlane() {
  const parent = document.getElementById("plane");
  parent.replaceChildren();
  const { gauges } = layer().plane;
  planeMarks = gauges.map((gauge) =>
    gaugePanel(chart(parent, 188, PLANE, `${gauge.heading} against angle dimension`), gauge),
  );
  document.getElementById("plane-panel").hidden = !gauges.length;
  markPlane();
}

// Upward: even up to `even`, by logarithm beyond.
function bent(even, top, range) {
  const shape = (value) => (value <= even ? value / even : 1 + Math.log(value / even));
  const scale = linear([0, shape(top)], range);
  return (value) => scale(shape(Math.max(value, 0)));
}

function gaugePanel(made, gauge) {
  const along = gauge.values.map((row) => row.x);
  const reach = [0.7 * Math.min(...along, 4), 1.5 * Math.max(...along, 14)];
  const top = 1.6 * Math.max(gauge.rich, ...gauge.values.map((row) => row.high ?? row.y));
  const x = logarithmic(reach, made.x);
  const y = bent(gauge.rich, top, made.y);
  bands(made, x, y, gauge);
  below(made, x, logTicks(...reach, 6));
  beside(
    made,
    y,
    [0, gauge.rich, ...logTicks(gauge.rich * 2, top, 3)].filter((value) => value <= top),
  );
  made.root.append(
    svg("text", { class: "strong", x: made.x[0] - 28, y: 12 }, gauge.heading),
    svg("text", { x: made.x[1], y: made.y[0] + 28, "text-anchor": "end" }, "angle dimension →"),
    svg("path", { class: "path", d: pathOf(gauge.values.map((row) => [x(row.x), y(row.y)])) }),
  );
  const marks = svg("g", { "pointer-events": "none" });
  for (const row of gauge.values.slice().reverse()) station(made, row, x(row.x), y(row.y));
  made.root.append(marks);
  return { gauge, x, y, marks };
}

function bands(made, x, y, gauge) {
  const [left, right] = made.x;
  const bar = x(layer().plane.dimensions);
  made.root.append(
    svg("rect", {
      class: "rich-band",
      x: left,
      width: right - left,
      y: made.y[1],
      height: Math.max(y(gauge.rich) - made.y[1], 0),
    }),
    svg("rect", {
      class: "none-band",
      x: left,
      width: right - left,
      y: y(gauge.none),
      height: made.y[0] - y(gauge.none),
    }),
    svg("text", { x: right - 4, y: made.y[1] + 12, "text-anchor": "end" }, "rich"),
  );
  if (bar <= left || bar >= right) return;
  made.root.append(
    svg("line", { class: "null dashed", x1: bar, x2: bar, y1: y(gauge.none), y2: made.y[0] }),
    svg("text", { x: bar + 4, y: made.y[0] - 5 }, right - bar > 90 ? "sphere-like" : ""),
    svg("text", { x: bar - 4, y: made.y[0] - 5, "text-anchor": "end" }, bar - left > 100 ? "low-dimensional" : ""),
  );
}

function station(made, row, x, y) {
  const rgb = generationColor(row.at, last() + 1);
  const dot = svg("circle", { cx: x, cy: y, r: 8, fill: css(rgb), stroke: themed("card"), "stroke-width": 1.2 });
  const light = 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2] > 140;
  const word = svg(
    "text",
    { x, y: y + 3.6, "text-anchor": "middle", "font-size": 10, class: "station", fill: light ? "#111111" : "#ffffff" },
    layer().generations[row.at].number,
  );
  word.style.fill = light ? "#111111" : "#ffffff";
  const whole = svg("g", { class: "linked", cursor: "pointer" }, dot, word);
  linked(whole, row.at);
  made.root.append(whole);
}

function markPlane() {
  for (const { gauge, x, y, marks } of planeMarks) {
    const ring = (g, radius) => {
      const row = gauge.values.find((one) => one.at === g);
      return row ? [svg("circle", { class: "ring", cx: x(row.x), cy: y(row.y), r: radius })] : [];
    };
    marks.replaceChildren(...ring(now(), 10.5), ...(state.hover === null ? [] : ring(state.hover, 12.5)));
  }
}

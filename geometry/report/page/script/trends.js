// One small chart per statistic over the generations: interval, null, onsets of the changes that show in it.

const TREND = { left: 40, right: 12, top: 22, bottom: 22 };
let trendMarks = [];

function drawTrends() {
  const parent = document.getElementById("trends");
  parent.replaceChildren();
  trendMarks = layer().trends.map((panel) => {
    const cell = parent.appendChild(document.createElement("div"));
    return trend(
      chart(cell, cell.clientWidth < 190 ? 112 : 132, TREND, `${panel.heading} over the generations`),
      panel,
    );
  });
  document.getElementById("trends-panel").hidden = !layer().trends.length;
  markTrends();
}

function trend(made, panel) {
  const x = linear([0, Math.max(last(), 1)], made.x);
  const { low, high, nullShown } = extentOf(panel.values);
  const y = linear([low, high], made.y);
  made.root.append(svg("text", { class: "strong", x: made.x[0] - 36, y: 12 }, panel.heading));
  for (const onset of layer().onsets)
    if (panel.changes.includes(onset.change)) onsetMark(made, x, onset, panel.heading);
  beside(made, y, ticksOf(low, high, 3));
  below(made, x, labelled(last() + 1, 10), (g) => layer().generations[g].number);
  const bounded = panel.values.filter((row) => row.low !== null && row.high !== null);
  const edge = [
    ...bounded.map((row) => [x(row.at), y(row.low)]),
    ...bounded
      .slice()
      .reverse()
      .map((row) => [x(row.at), y(row.high)]),
  ];
  if (bounded.length > 1) made.root.append(svg("path", { class: "band", d: `${pathOf(edge)}Z` }));
  for (const row of bounded)
    made.root.append(svg("line", { class: "bar", x1: x(row.at), x2: x(row.at), y1: y(row.low), y2: y(row.high) }));
  if (nullShown) {
    const nulls = panel.values.filter((row) => row.null !== null).map((row) => [x(row.at), y(row.null)]);
    made.root.append(svg("path", { class: "null dashed", d: pathOf(nulls) }));
  }
  made.root.append(svg("path", { class: "data", d: pathOf(panel.values.map((row) => [x(row.at), y(row.value)])) }));
  for (const row of panel.values)
    made.root.append(svg("circle", { class: "dot", cx: x(row.at), cy: y(row.value), r: 2.4 }));
  const marks = made.root.appendChild(svg("g", { "pointer-events": "none" }));
  strips(
    made,
    x,
    Array.from({ length: last() + 1 }, (_, g) => g),
  );
  return { made, panel, x, y, marks };
}

// The range of values and intervals; the null too, unless it would flatten them.
function extentOf(values) {
  const some = (key) => values.map((row) => row[key]).filter((value) => value !== null);
  const every = [...some("value"), ...some("low"), ...some("high")];
  let [low, high] = [Math.min(...every), Math.max(...every)];
  const nulls = some("null");
  const room = 1.5 * Math.max(high - low, 0.1 * Math.max(Math.abs(low), Math.abs(high)));
  const nullShown = nulls.length > 0 && Math.min(...nulls) >= low - room && Math.max(...nulls) <= high + room;
  if (nullShown) [low, high] = [Math.min(low, ...nulls), Math.max(high, ...nulls)];
  const pad = 0.06 * (high - low || Math.abs(high) || 1);
  return { low: low - pad, high: high + pad, nullShown };
}

function onsetMark(made, x, onset, heading) {
  if (onset.generation === null) return;
  const from = `from ${layer().generations[onset.generation].number}`;
  const words =
    7.4 * (heading.length + onset.change.length + from.length) < made.width ? `${onset.change} ${from}` : from;
  const [low, high] = [onset.low ?? onset.generation, onset.high ?? onset.generation];
  const half = 0.14 * (x(1) - x(0));
  made.root.append(
    svg("rect", {
      class: "onset-band",
      x: x(low) - half,
      width: x(high) - x(low) + 2 * half,
      y: made.y[1],
      height: made.y[0] - made.y[1],
    }),
    svg("line", {
      class: `onset${onset.provisional ? " provisional" : ""}`,
      x1: x(onset.generation),
      x2: x(onset.generation),
      y1: made.y[1],
      y2: made.y[0],
    }),
    svg("text", { class: "onset-word", x: made.x[1], y: 12, "text-anchor": "end" }, words),
  );
}

function markTrends() {
  for (const { made, panel, x, y, marks } of trendMarks) {
    marks.replaceChildren(
      svg("line", { class: "now", x1: x(state.at), x2: x(state.at), y1: made.y[1], y2: made.y[0] }),
    );
    if (state.hover === null) continue;
    marks.append(
      svg("line", { class: "hovered", x1: x(state.hover), x2: x(state.hover), y1: made.y[1], y2: made.y[0] }),
    );
    const row = panel.values.find((one) => one.at === state.hover);
    if (!row) continue;
    const end = x(row.at) > (made.x[0] + made.x[1]) / 2;
    marks.append(
      svg("circle", { class: "ring", cx: x(row.at), cy: y(row.value), r: 4 }),
      svg(
        "text",
        {
          class: "strong",
          x: x(row.at) + (end ? -7 : 7),
          y: Math.max(y(row.value) - 6, made.y[1] + 8),
          "text-anchor": end ? "end" : "start",
        },
        figures(row.value),
      ),
    );
  }
}

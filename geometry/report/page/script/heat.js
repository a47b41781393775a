// Layers x generations: one map per statistic; a cell chosen shows that layer at that generation.

const HEAT = { left: 96, right: 8, top: 22, bottom: 22 };
const WIDEST = 2; // a ratio so far from 1 has the full colour
let heatMarks = [];

function drawHeat() {
  const panel = document.getElementById("heat-panel");
  panel.hidden = !RECORD.heat;
  if (!RECORD.heat) return;
  const parent = document.getElementById("heat");
  parent.replaceChildren();
  heatMarks = RECORD.heat.panels.map((one) => heatMap(parent.appendChild(document.createElement("div")), one));
  markHeat();
}

function heatMap(parent, panel) {
  const { layers, generations } = RECORD.heat;
  const tall = Math.max(16, Math.min(26, 260 / layers.length));
  const made = chart(
    parent,
    HEAT.top + HEAT.bottom + tall * layers.length,
    HEAT,
    `${panel.heading} by layer and generation`,
  );
  const wide = (made.x[1] - made.x[0]) / generations.length;
  made.root.append(svg("text", { class: "strong", x: 0, y: 12 }, panel.heading + (panel.ratio ? " (ratio)" : "")));
  layers.forEach((name, i) => {
    const words = name.length > 15 ? `…${name.slice(-14)}` : name;
    made.root.append(
      svg("text", { x: made.x[0] - 5, y: HEAT.top + (i + 0.5) * tall + 4, "text-anchor": "end" }, words),
    );
  });
  for (const g of labelled(generations.length, 12)) {
    made.root.append(
      svg("text", { x: made.x[0] + (g + 0.5) * wide, y: made.height - 8, "text-anchor": "middle" }, generations[g]),
    );
  }
  const shades = panel.cells.map((cell) => cell.shade);
  const place = (cell) => ({
    x: made.x[0] + generations.indexOf(cell.generation) * wide,
    y: HEAT.top + cell.layer * tall,
    width: wide,
    height: tall,
  });
  for (const cell of panel.cells) heatCell(made, cell, place(cell), shadeOf(panel.ratio, shades, cell.shade));
  const { first } = RECORD.heat;
  if (first && panel.cells.some((cell) => cell.stands)) {
    const [x, y] = [
      made.x[0] + generations.indexOf(first.generation) * wide + 2,
      HEAT.top + (first.layer + 0.5) * tall,
    ];
    made.root.append(
      svg("path", {
        d: `M${x} ${y - 5}l6 5l-6 5Z`,
        fill: themed("null"),
        stroke: themed("card"),
        "pointer-events": "none",
      }),
    );
  }
  const marks = made.root.appendChild(svg("g", { "pointer-events": "none" }));
  return { panel, place, marks };
}

// Ratios: orange below 1, blue above (both stand apart for colour-vision deficiency); values: viridis.
function shadeOf(ratio, shades, shade) {
  if (!ratio) return ordered((shade - Math.min(...shades)) / (Math.max(...shades) - Math.min(...shades) || 1));
  const reach = Math.max(Math.log(WIDEST), ...shades.map((one) => Math.abs(Math.log(one))));
  const share = Math.max(-1, Math.min(1, Math.log(shade) / reach));
  const [paper, end] = [themedRgb("shade"), themedRgb(share < 0 ? "null" : "data")];
  return paper.map((value, c) => Math.round(value + (end[c] - value) * Math.abs(share)));
}

function heatCell(made, cell, box, rgb) {
  const rect = svg("rect", { ...box, fill: css(rgb), stroke: themed("card"), cursor: "pointer" });
  rect.append(
    svg("title", {}, `${RECORD.heat.layers[cell.layer]}, generation ${cell.generation}: ${figures(cell.value)}`),
  );
  rect.addEventListener("click", () => chooseLayer(cell.layer, cell.at));
  rect.addEventListener("pointerenter", () => {
    if (cell.layer === state.layer) change({ hover: cell.at });
  });
  rect.addEventListener("pointerleave", () => change({ hover: null }));
  made.root.append(rect);
  if (box.width > 30) {
    const light = 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2] > 140;
    const word = svg(
      "text",
      { x: box.x + box.width / 2, y: box.y + box.height / 2 + 4, "text-anchor": "middle", "pointer-events": "none" },
      figures(cell.shade, 2),
    );
    word.style.fill = light ? "#111111" : "#ffffff";
    made.root.append(word);
  }
  if (cell.stands)
    made.root.append(
      svg("rect", {
        class: "cell-frame",
        x: box.x + 1,
        y: box.y + 1,
        width: box.width - 2,
        height: box.height - 2,
        "pointer-events": "none",
      }),
    );
}

function markHeat() {
  for (const { panel, place, marks } of heatMarks) {
    const at = (g) => panel.cells.find((cell) => cell.layer === state.layer && cell.at === g);
    const rings = [at(now()), state.hover === null ? null : at(state.hover)].filter(Boolean);
    marks.replaceChildren(
      ...rings.map((cell) => svg("rect", { ...place(cell), fill: "none", stroke: themed("ink"), "stroke-width": 2.2 })),
    );
  }
}

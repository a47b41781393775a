// Radii and pair cosines of the generation pointed at, else of the one shown, with the null drawn over them.

const HISTOGRAM = { left: 12, right: 12, top: 20, bottom: 22 };
const SPIKE = 6; // times the null's peak: a higher spike is cut
const VISIBLE = 0.004; // of the highest bar: bins below it do not widen the axis
const HISTOGRAMS = { radius: "distance to the centroid / R", cosine: "cosine of a pair" };
let histogramMarks = [];

function drawHistograms() {
  const parent = document.getElementById("histograms");
  parent.replaceChildren();
  const kinds = Object.entries(layer().histograms);
  document.getElementById("histograms-panel").hidden = !kinds.length;
  histogramMarks = kinds.map(([kind, found]) => {
    const made = chart(
      parent,
      parent.clientWidth > 500 ? 205 : 150,
      HISTOGRAM,
      `Histogram of ${HISTOGRAMS[kind]} with its null`,
    );
    const every = [...Object.values(found.data), ...Object.values(found.null)];
    const bins = visible(every);
    const x = linear([found.edges[bins[0]], found.edges[bins[1]]], made.x);
    below(made, x, ticksOf(found.edges[bins[0]], found.edges[bins[1]], 6));
    made.root.append(svg("text", { class: "strong", x: made.x[0], y: 12 }, HISTOGRAMS[kind]));
    const marks = made.root.appendChild(svg("g"));
    return { made, found, x, bins, marks };
  });
  markHistograms();
}

// The first and last edge of the bins that can be seen in any generation.
function visible(densities) {
  const seen = [];
  for (const density of densities) {
    const peak = Math.max(...density);
    density.forEach((value, i) => {
      if (value > VISIBLE * peak) seen.push(i);
    });
  }
  if (!seen.length) return [0, densities[0].length];
  return [Math.max(0, Math.min(...seen) - 1), Math.min(densities[0].length, Math.max(...seen) + 2)];
}

// The highest density that is drawn: every generation fills its chart, and no spike hides the null.
function topOf(data, none) {
  const peak = (density) => (density ? Math.max(...density) : 0);
  return 1.06 * Math.min(Math.max(peak(data), peak(none)), SPIKE * (peak(none) || Infinity)) || 1;
}

function markHistograms() {
  const g = state.hover ?? now();
  for (const { made, found, x, bins, marks } of histogramMarks) {
    const [data, none] = [found.data[g], found.null[g]];
    const y = linear([0, topOf(data, none)], made.y);
    const outline = (density) => {
      const points = [];
      for (let i = bins[0]; i < bins[1]; i++) {
        const height = Math.max(y(density[i]), made.y[1]);
        points.push([x(found.edges[i]), height], [x(found.edges[i + 1]), height]);
      }
      return points;
    };
    const floor = [
      [made.x[1], made.y[0]],
      [made.x[0], made.y[0]],
    ];
    marks.replaceChildren();
    if (data) marks.append(svg("path", { class: "area", d: `${pathOf([...outline(data), ...floor])}Z` }));
    if (none) marks.append(svg("path", { class: "null", d: pathOf(outline(none)) }));
    const words = data ? layer().generations[g].title : `${layer().generations[g].title}: no histogram`;
    marks.append(svg("text", { x: made.x[1], y: 12, "text-anchor": "end" }, words));
    if (data && y(Math.max(...data)) < made.y[1] - 1)
      marks.append(svg("text", { x: made.x[1], y: 26, "text-anchor": "end" }, "spike cut"));
  }
}

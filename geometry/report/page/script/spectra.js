// Spectra of all generations on log axes, over the reference's total variance; the one shown stands out.

const SPECTRA = { left: 50, right: 14, top: 24, bottom: 36 };
const DEEP = 1e-7; // of the largest share: below it nothing is drawn
let spectraLines = [];

function drawSpectra() {
  const parent = document.getElementById("spectra");
  parent.replaceChildren();
  const spectra = layer().spectra;
  document.getElementById("spectra-panel").hidden = !spectra.length;
  spectraLines = [];
  if (!spectra.length) return;
  const made = chart(parent, 300, SPECTRA, "Eigenvalues of every generation by rank");
  const highest = Math.max(...spectra.flatMap((one) => one.shares));
  const kept = (one) =>
    one.shares.map((share, i) => [one.ranks[i], share]).filter(([, share]) => share > highest * DEEP);
  const lowest = Math.min(...spectra.flatMap((one) => kept(one).map(([, share]) => share)));
  const x = logarithmic([1, Math.max(2, ...spectra.flatMap((one) => one.ranks))], made.x);
  const y = logarithmic([lowest * 0.8, highest * 1.2], made.y);
  beside(made, y, logTicks(lowest, highest * 1.2, 6));
  below(made, x, logTicks(1, Math.max(2, ...spectra.flatMap((one) => one.ranks)), 9));
  const under = { x: made.x[1], y: made.y[0] + 31, "text-anchor": "end" };
  made.root.append(svg("text", under, "rank of the eigenvalue →"));
  const lines = made.root.appendChild(svg("g"));
  for (const one of spectra) {
    const d = pathOf(kept(one).map(([rank, share]) => [x(rank), y(share)]));
    const line = svg("path", {
      d,
      fill: "none",
      stroke: css(generationColor(one.at, last() + 1)),
      "stroke-linejoin": "round",
    });
    const wide = svg("path", {
      d,
      fill: "none",
      stroke: "transparent",
      "stroke-width": 9,
      class: "linked",
      cursor: "pointer",
    });
    linked(wide, one.at);
    lines.append(line);
    made.root.append(wide);
    spectraLines.push({ at: one.at, line });
  }
  made.word = made.root.appendChild(svg("text", { class: "strong", x: made.x[1], y: 12, "text-anchor": "end" }));
  spectraLines.word = made.word;
  markSpectra();
}

function markSpectra() {
  const marked = state.hover ?? now();
  for (const { at, line } of spectraLines) {
    line.setAttribute("stroke-width", at === marked ? 3 : 1.3);
    line.setAttribute("opacity", at === marked ? 1 : 0.6);
    if (at === marked) line.parentNode.append(line);
  }
  const one = layer().spectra.find((spectrum) => spectrum.at === marked);
  if (spectraLines.word)
    spectraLines.word.textContent = one
      ? `${layer().generations[marked].title}: ${figures(one.total)} of the reference’s variance`
      : "";
}

// The card of the generation pointed at, else of the one shown: state, changes with their evidence, main values. And
// the links of the table of generations and of the onsets below the headline.

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const pill = (word, kind) => element("span", `word ${kind}`, word);
const known = (state) => (/^[a-z-]+$/.test(state) ? state : "");

const drawCard = () => fillCard(layer().generations[state.hover ?? now()]);

// The card is as tall as its tallest content, so that pointing at a generation moves nothing on the page.
function sizeCard() {
  const card = document.getElementById("card");
  card.style.minHeight = "";
  if (hoverless()) return drawCard();
  const heights = layer().generations.map((one) => {
    fillCard(one);
    return card.offsetHeight;
  });
  card.style.minHeight = `${Math.max(...heights)}px`;
  drawCard();
}

function fillCard(one) {
  const head = element("h2", "", one.title);
  if (one.state) head.append(pill(one.state, known(one.state)));
  const words = element("p", "words");
  if (one.reason) words.append(`${one.reason} `);
  for (const change of one.changes) words.append(pill(`changed: ${change}`, "change"));
  for (const flag of one.flags) words.append(pill(flag, "flag"));
  if (one.name && one.name !== one.title) words.append(element("span", "reading", ` ${one.name}`));
  const parts = [head, words];
  if (one.evidence.length) parts.push(evidence(one));
  else if (layer().generations.indexOf(one) === layer().reference && last() > 0)
    parts.push(element("p", "reading", "The reference: changes are told against this generation."));
  parts.push(values(one));
  document.getElementById("card").replaceChildren(...parts);
}

// Per change looked for: how large, its interval, what it would take, and how far from chance.
function evidence(one) {
  const rows = one.evidence.map((found) => {
    const row = element("tr", one.changes.includes(found.change) ? "found" : "", scoped("row", found.change));
    const sure = found.low === null || found.high === null ? "" : `${short(found.low)} to ${short(found.high)}`;
    row.append(
      number(short(found.effect)),
      element("td", "interval", sure),
      element("td", "interval beyond", needed(found.threshold)),
      number(figures(found.z, Math.abs(found.z) >= 100 ? 3 : 2)),
    );
    row.title = found.statistic || "";
    return row;
  });
  const head = element(
    "tr",
    "",
    ...["change", "effect", "95 %", "beyond", "z"].map((word, i) => scoped("col", word, i ? `number ${word}` : "")),
  );
  return element("table", "", element("thead", "", head), element("tbody", "", ...rows));
}

const short = (value) => (Math.abs(value) < 1e-4 ? "0" : figures(value));
const minus = (words) => words.replaceAll("-", "−");
const number = (words) => element("td", "number", words);
const needed = (limits) =>
  [limits ?? []]
    .flat()
    .map((limit, i) => (limit === null ? "" : `${i ? ">" : "<"} ${figures(limit)}`))
    .filter(Boolean)
    .join(", ");

function scoped(scope, words, className = "") {
  const made = element("th", className, words);
  made.scope = scope;
  return made;
}

function values(one) {
  const rows = one.values.map(([heading, value, sure]) =>
    element("tr", "", scoped("row", heading), number(minus(value)), element("td", "interval", minus(sure))),
  );
  return element("table", "", element("tbody", "", ...rows));
}

// Rows of the static table and onsets, in the order of the generations; only where one layer stands on the page.
function openLinks() {
  if (RECORD.layers.length > 1) return;
  document.querySelectorAll("#generations tbody tr").forEach((row, g) => {
    linked(row, g);
    row.classList.add("linked");
    follow(["at", "hover"], () => {
      row.classList.toggle("now", g === now());
      row.classList.toggle("hover", g === state.hover);
    });
  });
  document.querySelectorAll("#onsets li").forEach((item, i) => {
    const onset = layer().onsets[i];
    if (!onset || onset.generation === null) return;
    linked(item, onset.generation);
    item.classList.add("linked");
  });
}

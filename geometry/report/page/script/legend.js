// What the colours mean; a label in the legend marks its rows in every generation.

const MOST_ENTRIES = 12;
const legend = document.getElementById("legend");

function drawLegend() {
  legend.replaceChildren();
  if (!clouds) return;
  colorEntries();
  if (state.arrows)
    entries(
      [
        ["inward", themedRgb("data")],
        ["outward", themedRgb("null")],
      ],
      "· arrows",
    );
}

function colorEntries() {
  if (state.color === "label") return labelEntries();
  if (state.color === "generation")
    return entries(
      layer().generations.map((one, g) => [one.number, generationColor(g, last() + 1)]),
      "generation",
    );
  if (state.color === "novelty")
    return entries(
      clouds.shared.kinds.map((kind, i) => [kind, KINDS[i]]),
      "",
    );
  const scale =
    state.color === "radius"
      ? { low: RADII[0], high: RADII[1], heading: "distance / R", says: "" }
      : scaleOf(state.color);
  legend.append(figures(scale.low), gradient(), figures(scale.high), ` ${scale.says || scale.heading}`);
}

function entries(pairs, heading) {
  if (heading) legend.append(` ${heading} `);
  const step = Math.ceil(pairs.length / 16);
  pairs.forEach(([name, rgb], i) => {
    if (i % step === 0) legend.append(element("span", "entry", dot(rgb), String(name)));
  });
}

function dot(rgb) {
  const made = document.createElement("i");
  made.style.background = css(rgb);
  return made;
}

function gradient() {
  const made = document.createElement("canvas");
  [made.width, made.height] = [128, 1];
  const pen = made.getContext("2d");
  for (let x = 0; x < 128; x++) {
    pen.fillStyle = css(ordered(x / 127));
    pen.fillRect(x, 0, 1, 1);
  }
  return made;
}

function labelEntries() {
  const names = clouds.shared.labels;
  const most = names.length > LABELS.length ? LABELS.length - 1 : LABELS.length;
  names.slice(0, Math.min(most, MOST_ENTRIES)).forEach((name, code) => legend.append(labelButton(name, code)));
  if (names.length > most) legend.append(dot(labelColor(names.length - 1, names.length)), otherLabels(names, most));
}

function labelButton(name, code) {
  const made = document.createElement("button");
  made.type = "button";
  made.append(dot(labelColor(code, clouds.shared.labels.length)), name);
  made.title = `Mark ${name} in every generation`;
  made.setAttribute("aria-pressed", state.label === code);
  made.addEventListener("click", () => change({ label: state.label === code ? -1 : code, selected: null }));
  return made;
}

function otherLabels(names, from) {
  const made = document.createElement("select");
  made.setAttribute("aria-label", "Mark one of the other labels");
  made.append(new Option(`${names.length - from} others`, "-1"));
  names.slice(from).forEach((name, i) => made.append(new Option(name, String(from + i))));
  made.value = String(state.label >= from ? state.label : -1);
  made.addEventListener("change", () => change({ label: Number(made.value), selected: null }));
  return made;
}

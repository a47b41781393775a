// Who the point under the pointer is: id or row, label, and its values. Text only, so that no label becomes markup.

const tip = document.getElementById("tip");
const RARE = 0.95;

function figures(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const words =
    size !== 0 && (size < 1e-3 || size >= 1e5)
      ? value.toExponential(digits - 1)
      : String(Number(value.toPrecision(digits)));
  return words.replace("e+", "e").replaceAll("-", "−");
}

const idOf = (cloud, i) => (clouds.ids ? clouds.ids[cloud.keys[i]] : `row ${cloud.keys[i]}`);
const labelOf = (cloud, i) => (cloud.labels ? clouds.shared.labels[cloud.labels[i]] : "");

// Heading and lines about a point.
function told({ g, i }) {
  const cloud = cloudAt(g);
  const lines = [];
  if (cloud.labels) lines.push(["label", labelOf(cloud, i)]);
  lines.push(["distance to centre", `${figures(Math.hypot(...placeOf(cloud, i)) / (cloud.rms || 1))} R`]);
  for (const { key, heading } of clouds.shared.values) {
    const value = valueOf(cloud, key, i);
    if (value !== null) lines.push([heading, key === "tail" ? rarity(value) : figures(value)]);
  }
  if (cloud.novelty) lines.push(["novelty", clouds.shared.kinds[cloud.novelty[i]] || "not looked at"]);
  return [idOf(cloud, i), lines];
}

const rarity = (share) =>
  `${share > RARE ? "in the tail: " : ""}rarer than ${Math.round(100 * share)} % of the reference`;

function drawTip() {
  tip.hidden = !state.point || state.point.g !== now();
  if (tip.hidden) return;
  const [name, lines] = told(state.point);
  const heading = document.createElement("b");
  heading.textContent = name;
  const rows = lines.map(([key, value]) => {
    const row = document.createElement("div");
    const word = document.createElement("span");
    word.textContent = `${key} `;
    row.append(word, value);
    return row;
  });
  tip.replaceChildren(heading, ...rows);
  placed();
}

function placed() {
  const [frame] = frames(canvas.clientWidth, canvas.clientHeight);
  const [x, y] = onScreen(seen(placeOf(cloudAt(state.point.g), state.point.i)), frame);
  const { offsetWidth: wide, offsetHeight: tall } = tip;
  tip.style.left = `${Math.max(4, x + 14 + wide > canvas.clientWidth ? x - wide - 14 : x + 14)}px`;
  tip.style.top = `${Math.max(4, Math.min(y + 12, canvas.clientHeight - tall - 6))}px`;
}

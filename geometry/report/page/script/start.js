// Opens the page: theme, charts, then the points; where these cannot be drawn it says so and leaves the static figures.

const darkWanted = matchMedia("(prefers-color-scheme: dark)");

function openTheme() {
  const button = element("button", "", "Dark");
  button.id = "theme";
  button.type = "button";
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = state.dark ? "light" : "dark";
    change({ dark: !state.dark });
  });
  document.querySelector("header").append(button);
  darkWanted.addEventListener("change", () => {
    if (!document.documentElement.dataset.theme) change({ dark: darkWanted.matches });
  });
  follow(["dark"], () => {
    button.textContent = state.dark ? "Light" : "Dark";
  });
}

function openCharts() {
  const whole = ["layer", "dark", "resized"];
  for (const [draw, mark] of [
    [drawTrends, markTrends],
    [drawPlane, markPlane],
    [drawSpectra, markSpectra],
    [drawHistograms, markHistograms],
    [drawHeat, markHeat],
  ]) {
    follow(whole, draw);
    follow(["at", "hover"], (changed) => {
      if (!whole.some((key) => changed.has(key))) mark();
    });
  }
  follow(["layer", "resized"], sizeCard);
  follow(["at", "hover"], drawCard);
}

function openPicture() {
  follow(["color", "label", "selected", "dark", "layer"], repaint);
  follow(["color", "label", "dark", "layer", "arrows"], drawLegend);
  const drawn = [
    "layer",
    "at",
    "color",
    "label",
    "selected",
    "slab",
    "size",
    "turn",
    "zoom",
    "null",
    "arrows",
    "ghost",
    "dark",
    "resized",
  ];
  follow(drawn, drawStage);
  follow([...drawn, "point"], drawOverlay);
  follow(["at", "layer", "null"], drawHeading);
  follow(["point", "turn", "zoom", "at", "resized"], drawTip);
}

function drawHeading() {
  const one = layer().generations[now()];
  const words = [one.state, ...one.flags].filter(Boolean).join(", ");
  byId("heading").replaceChildren(one.title, element("small", "", words));
  drawQuality();
  const cloud = cloudAt(now());
  const rows = cloud ? `${cloud.count.toLocaleString()} points` : "no points";
  canvas.setAttribute("aria-label", `Map of ${one.title}, ${words || "no state"}, ${rows}. Arrow keys turn it.`);
}

// How far the map of this generation can be trusted.
function drawQuality() {
  const told = Object.entries(layer().quality).filter(([, values]) => Number.isFinite(values[now()]));
  const words = told.map(([measure, values]) => `${measure.replaceAll("_", " ")} ${figures(values[now()])}`);
  byId("quality").textContent = words.length ? `Quality of this map: ${words.join(", ")}.` : "";
}

function withoutPicture(why) {
  byId("stage").hidden = true;
  byId("fallback").hidden = false;
  byId("fallback").textContent = `${why} The figures below show the same, still.`;
  document.body.classList.add("still");
}

async function start() {
  change({ turn: FRONT, dark: darkWanted.matches });
  openTheme();
  if (!RECORD.layers[0].generations.length) return;
  byId("live").hidden = false;
  byId("layer").replaceChildren(...RECORD.layers.map((one, i) => new Option(one.layer, String(i))));
  byId("layer-choice").hidden = RECORD.layers.length < 2;
  byId("layer").value = String(state.layer);
  openCharts();
  openLinks();
  openControls();
  openPicture();
  let width = 0;
  new ResizeObserver(() => {
    if (byId("live").clientWidth === width) return;
    width = byId("live").clientWidth;
    change({ resized: state.resized + 1 });
  }).observe(byId("live"));
  await openPoints();
  dirty = new Set(Object.keys(state));
  refresh();
  document.documentElement.dataset.ready = "yes";
}

async function openPoints() {
  if (!window.DecompressionStream) return withoutPicture("This browser cannot unpack the points.");
  if (!openStage()) return withoutPicture("This browser has no WebGL2.");
  await openLayer(state.layer);
  if (!clouds) return withoutPicture("This run has no map.");
  fillColors();
  openPointer();
  const figuresBelow = byId("figures");
  if (figuresBelow) figuresBelow.open = false;
}

start().catch((error) => {
  console.error(error);
  withoutPicture("The picture could not be drawn.");
});

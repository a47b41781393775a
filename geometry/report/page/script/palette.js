// Colours: viridis (van der Walt and Smith 2015) for what is ordered, Petroff's ten (2021) for labels, Okabe and Ito's
// for states of rows; all stand apart for colour-vision deficiency. Ends too near the background are left out.

const VIRIDIS = [
  [68, 1, 84],
  [72, 24, 106],
  [71, 45, 123],
  [66, 64, 134],
  [59, 82, 139],
  [51, 99, 141],
  [44, 114, 142],
  [38, 130, 142],
  [33, 145, 140],
  [31, 160, 136],
  [40, 174, 128],
  [63, 188, 115],
  [94, 201, 98],
  [132, 212, 75],
  [173, 220, 48],
  [216, 226, 25],
  [253, 231, 37],
];
const LABELS = [
  [63, 144, 218],
  [255, 169, 14],
  [189, 31, 1],
  [131, 45, 182],
  [169, 107, 89],
  [231, 99, 0],
  [185, 172, 112],
  [113, 117, 129],
  [146, 218, 221],
  [148, 164, 162],
];
const KINDS = [
  [0, 114, 178],
  [0, 158, 115],
  [204, 121, 167],
  [213, 94, 0],
];
const LIFT = 0.22; // towards white, on a dark page
const NOTHING = [150, 156, 162];
const ENDS = { light: [0, 0.9], dark: [0.22, 1] };

function ordered(share) {
  const [low, high] = ENDS[state.dark ? "dark" : "light"];
  const place = (low + (high - low) * Math.max(0, Math.min(1, share))) * (VIRIDIS.length - 1);
  const i = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return VIRIDIS[i].map((value, c) => Math.round(value + (VIRIDIS[i + 1][c] - value) * (place - i)));
}

function labelColor(code, count) {
  const rgb = LABELS[count > LABELS.length ? Math.min(code, LABELS.length - 1) : code % LABELS.length];
  return state.dark ? rgb.map((value) => Math.round(value + LIFT * (255 - value))) : rgb;
}

const generationColor = (g, count) => ordered(count > 1 ? g / (count - 1) : 0.3);
const css = (rgb) => `rgb(${rgb.join(",")})`;
const themed = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// A colour of the theme as three numbers.
function themedRgb(name) {
  const hex = themed(name).slice(1);
  return [0, 2, 4].map((start) => parseInt(hex.slice(start, start + 2), 16));
}

// The view as a PNG, and the marked rows as CSV, saved from memory: nothing leaves the page.

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// The points as they are drawn this moment, the circles, a heading and the legend's words below.
function picture() {
  drawStage();
  const ratio = canvas.width / canvas.clientWidth;
  const made = document.createElement("canvas");
  [made.width, made.height] = [canvas.width, canvas.height];
  const pen = made.getContext("2d");
  pen.drawImage(canvas, 0, 0);
  pen.scale(ratio, ratio);
  overlayOn(pen, canvas.clientWidth, canvas.clientHeight);
  const one = layer().generations[now()];
  pen.fillStyle = themed("ink");
  pen.font = "600 16px system-ui, sans-serif";
  pen.fillText(one.title, 14, 26);
  pen.font = "13px system-ui, sans-serif";
  pen.fillText([one.state, ...one.flags].filter(Boolean).join(", "), 14, 45);
  if (state.null) written(pen);
  legendOn(pen, canvas.clientHeight);
  return made;
}

function written(pen) {
  const [, second] = frames(canvas.clientWidth, canvas.clientHeight);
  pen.fillStyle = themed("null");
  pen.font = "600 16px system-ui, sans-serif";
  pen.fillText("its null", second.x + 14, second.y + 26);
}

// Dots with names for labels, kinds and generations; else the ends of the scale.
function legendOn(pen, height) {
  pen.font = "12px system-ui, sans-serif";
  let x = 14;
  for (const node of legend.querySelectorAll("i")) {
    const words =
      node.parentNode === legend ? String(node.nextSibling.textContent).trim() : node.parentNode.textContent;
    pen.fillStyle = node.style.background;
    pen.beginPath();
    pen.arc(x + 4, height - 16, 4, 0, 2 * Math.PI);
    pen.fill();
    pen.fillStyle = themed("muted");
    pen.fillText(words, x + 12, height - 12);
    x += 24 + pen.measureText(words).width;
  }
  if (x > 14) return;
  pen.fillStyle = themed("muted");
  pen.fillText(legend.textContent, 14, height - 12);
}

function savePicture() {
  const name = `${layer().generations[now()].title.replace(/[^a-z0-9]+/gi, "-")}.png`;
  picture().toBlob((blob) => save(blob, name), "image/png");
}

// Text that a spreadsheet would take for a formula is only text.
const asText = (value) => (/^[=+\-@\t\r]/.test(value) ? `'${value}` : value);
const quoted = (value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

function saveSelection() {
  const lines = [`generation,${clouds.ids ? "id" : "row"},label`];
  clouds.each.forEach((cloud, g) => {
    if (!cloud) return;
    for (const i of markedRows(cloud)) {
      const who = [layer().generations[g].number, clouds.ids ? idOf(cloud, i) : cloud.keys[i], labelOf(cloud, i)];
      lines.push(who.map((value) => quoted(asText(String(value)))).join(","));
    }
  });
  save(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }), "selection.csv");
}

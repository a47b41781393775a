// The record as Python wrote it into the page: JSON, and arrays as base64 of raw deflate with their bytes in planes.

const RECORD = JSON.parse(document.getElementById("record").textContent);
const ARRAYS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array };

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function inflated(base64) {
  const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// An array, or the words of a text; null where the record has none.
async function unpacked(packed) {
  if (!packed) return null;
  const planes = await inflated(packed.data);
  if (packed.type === "text") return new TextDecoder().decode(planes).split("\n");
  const made = new ARRAYS[packed.type](planes.length / ARRAYS[packed.type].BYTES_PER_ELEMENT);
  const bytes = new Uint8Array(made.buffer);
  const width = made.BYTES_PER_ELEMENT;
  for (let plane = 0; plane < width; plane++) {
    const start = plane * made.length;
    for (let i = 0; i < made.length; i++) bytes[i * width + plane] = planes[start + i];
  }
  return made;
}

// Whole numbers from the steps between them, in place.
function summed(steps) {
  for (let i = 1; i < steps.length; i++) steps[i] += steps[i - 1];
  return steps;
}

#version 300 es
// A point on its way from one generation to the next: its distance to the centre goes evenly, its direction follows.
layout(location = 0) in vec3 here;
layout(location = 1) in vec3 there;
layout(location = 2) in vec4 colorHere;
layout(location = 3) in vec4 colorThere;
uniform mat3 turn;
uniform vec2 stretch;
uniform float reachHere, reachThere, way, diameter, slab, rms, opacity;
uniform float marking;
out vec4 tint;
out float depth;

vec3 place(vec3 stored, float reach) { return (stored * 65535.0 - 32767.0) / 32767.0 * reach; }

void main() {
  vec3 a = place(here, reachHere), b = place(there, reachThere), mixed = mix(a, b, way);
  float size = length(mixed), wanted = mix(length(a), length(b), way);
  vec3 seen = turn * (size > 0.0 ? mixed * (wanted / size) : mixed);
  depth = clamp(seen.z / (1.5 * rms), -1.0, 1.0);
  bool outside = abs(seen.z) > slab * rms;
  gl_Position = outside ? vec4(2.0, 2.0, 2.0, 1.0) : vec4(seen.xy * stretch, -0.45 * depth, 1.0);
  vec4 color = mix(colorHere, colorThere, way);
  float marked = marking * color.a;
  gl_PointSize = diameter * (1.0 + 0.28 * depth) * (1.0 + 0.45 * marked);
  tint = vec4(color.rgb, opacity * mix(1.0, 0.10 + 0.90 * color.a, marking));
  if (marked > 0.5) gl_Position.z -= 0.5;
}

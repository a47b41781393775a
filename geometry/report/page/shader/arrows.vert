#version 300 es
// An arrow from a row's place in one generation to its place in the next: wide where it begins, a point where it ends.
layout(location = 0) in vec3 here;
layout(location = 1) in vec3 there;
layout(location = 2) in vec2 corner;
uniform mat3 turn;
uniform vec2 stretch, pixels;
uniform float reachHere, reachThere, slab, rms, width;
uniform vec3 inward, outward;
out vec4 tint;

vec3 place(vec3 stored, float reach) { return (stored * 65535.0 - 32767.0) / 32767.0 * reach; }

void main() {
  vec3 a = place(here, reachHere), b = place(there, reachThere);
  vec3 from = turn * a, to = turn * b;
  vec2 along = (to.xy - from.xy) * stretch * pixels;
  vec2 side = length(along) > 0.0 ? normalize(vec2(-along.y, along.x)) : vec2(0.0);
  bool outside = abs(from.z) > slab * rms;
  vec2 at = mix(from.xy, to.xy, corner.x) * stretch + side * corner.y * width / pixels;
  gl_Position = outside ? vec4(2.0, 2.0, 2.0, 1.0) : vec4(at, -0.95, 1.0);
  tint = vec4(length(b) < length(a) ? inward : outward, mix(0.25, 0.85, corner.x));
}

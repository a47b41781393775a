#version 300 es
// A round point; what lies behind fades towards the paper.
precision mediump float;
in vec4 tint;
in float depth;
uniform vec3 paper;
uniform float soft;
out vec4 seen;

void main() {
  float away = length(gl_PointCoord - 0.5) * 2.0;
  float alpha = tint.a * (1.0 - smoothstep(1.0 - soft, 1.0, away));
  if (alpha < 0.02) discard;
  vec3 faded = mix(tint.rgb, paper, 0.30 - 0.30 * depth);
  seen = vec4(faded * alpha, alpha);
}

#version 300 es
precision mediump float;
in vec4 tint;
out vec4 seen;
void main() { seen = vec4(tint.rgb * tint.a, tint.a); }

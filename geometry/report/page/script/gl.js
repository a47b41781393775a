// WebGL2 in a few calls: programs, buffers, and arrays bound to the inputs of a program.

function program(gl, vertex, fragment) {
  const made = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  return { made, uniforms: new Map() };
}

function uniform(gl, from, name) {
  if (!from.uniforms.has(name)) from.uniforms.set(name, gl.getUniformLocation(from.made, name));
  return from.uniforms.get(name);
}

function buffer(gl, values) {
  const made = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, made);
  gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
  return made;
}

// `width` normalised values of an integer type per vertex, or per instance where `each` is 1.
function input(gl, at, source, width, type, { stride = 0, offset = 0, each = 0 } = {}) {
  gl.bindBuffer(gl.ARRAY_BUFFER, source);
  gl.enableVertexAttribArray(at);
  gl.vertexAttribPointer(at, width, type, type !== gl.FLOAT, stride, offset);
  gl.vertexAttribDivisor(at, each);
}

/* A small network in plain numbers: linear layers, batch normalization if wanted, an activation; one logit at the end.

   Matrices are flat, row by row: x (batch, inputs), weight (outputs, inputs) as in PyTorch. Nothing here knows of the
   page; tests/course/test_playground.py compares its numbers with PyTorch's. */
"use strict";
const network = (() => {
  const EPS = 1e-5, MOMENTUM = 0.1;
  const sigmoid = (z) => 1 / (1 + Math.exp(-z));
  /* Each with its slope as a function of its output, and the gain of its usual first weights. */
  const ACTIVATIONS = {
    relu: { of: (z) => (z > 0 ? z : 0), slope: (h) => (h > 0 ? 1 : 0), gain: 2 },
    tanh: { of: Math.tanh, slope: (h) => 1 - h * h, gain: 1 },
    sigmoid: { of: sigmoid, slope: (h) => h * (1 - h), gain: 1 },
  };

  /* sizes such as [2, 10, 10, 1]. Weights are normal with deviation scale * sqrt(gain / inputs), in the last layer
     sqrt(1 / inputs). A normalised layer has no bias: its beta does that. random.normal() draws a number. */
  const make = ({ sizes, activation, norm, scale = 1, random }) => ({
    activation,
    norm,
    layers: sizes.slice(1).map((outputs, i) => {
      const inputs = sizes[i];
      const last = i === sizes.length - 2;
      const deviation = Math.sqrt((last ? 1 : scale * scale * ACTIVATIONS[activation].gain) / inputs);
      const weight = Float64Array.from({ length: outputs * inputs }, () => deviation * random.normal());
      const all = (value) => new Float64Array(outputs).fill(value);
      const layer = { inputs, outputs, last };
      return norm && !last
        ? { ...layer, parameters: { weight, gamma: all(1), beta: all(0) }, running: { mean: all(0), variance: all(1) } }
        : { ...layer, parameters: { weight, bias: all(0) } };
    }),
  });

  const linear = (x, { inputs, outputs, parameters: { weight, bias } }, rows) => {
    const z = new Float64Array(rows * outputs);
    for (let i = 0; i < rows; i++) {
      for (let o = 0; o < outputs; o++) {
        let sum = bias ? bias[o] : 0;
        for (let k = 0; k < inputs; k++) sum += weight[o * inputs + k] * x[i * inputs + k];
        z[i * outputs + o] = sum;
      }
    }
    return z;
  };

  /* The biased variance, in two passes: E[x²] - E[x]² would cancel. */
  const statistics = (z, rows, columns) => {
    const mean = new Float64Array(columns);
    const variance = new Float64Array(columns);
    for (let i = 0; i < z.length; i++) mean[i % columns] += z[i] / rows;
    for (let i = 0; i < z.length; i++) variance[i % columns] += (z[i] - mean[i % columns]) ** 2 / rows;
    return { mean, variance };
  };

  /* The logits, and what each layer has seen; training normalises by the batch, otherwise by the running statistics. */
  const forward = (net, x, training) => {
    const rows = x.length / net.layers[0].inputs;
    const seen = [];
    let h = x;
    for (const layer of net.layers) {
      const trace = { input: h };
      let z = linear(h, layer, rows);
      if (layer.running) {
        const { gamma, beta } = layer.parameters;
        const n = layer.outputs;
        trace.batch = training ? statistics(z, rows, n) : layer.running;
        trace.inverse = trace.batch.variance.map((variance) => 1 / Math.sqrt(variance + EPS));
        trace.normal = z.map((value, i) => (value - trace.batch.mean[i % n]) * trace.inverse[i % n]);
        z = trace.normal.map((value, i) => gamma[i % n] * value + beta[i % n]);
      }
      trace.before = z;
      trace.output = h = layer.last ? z : z.map(ACTIVATIONS[net.activation].of);
      seen.push(trace);
    }
    return { logits: h, seen, rows };
  };

  /* Mean binary cross-entropy of logits against y; no exponential overflows. */
  const lossOf = (logits, y) =>
    logits.reduce((sum, z, i) => sum + Math.max(z, 0) - z * y[i] + Math.log1p(Math.exp(-Math.abs(z))), 0) / y.length;

  /* The batch's loss and its gradients, layer by layer; the network stays as it is. */
  const measure = (net, x, y) => {
    const { logits, seen, rows } = forward(net, x, true);
    const gradients = [];
    let dz = logits.map((z, i) => (sigmoid(z) - y[i]) / rows);
    for (let l = net.layers.length - 1; l >= 0; l--) {
      const { inputs, outputs, last, parameters } = net.layers[l];
      const { input, output, normal, inverse } = seen[l];
      if (!last) {
        dz = dz.map((value, i) => value * ACTIVATIONS[net.activation].slope(output[i]));
      }
      const found = {};
      for (const name in parameters) found[name] = new Float64Array(parameters[name].length);
      if (normal) {
        dz.forEach((value, i) => {
          found.beta[i % outputs] += value;
          found.gamma[i % outputs] += value * normal[i];
        });
        dz = dz.map((value, i) => {
          const o = i % outputs;
          return parameters.gamma[o] * inverse[o] * (value - (found.beta[o] + normal[i] * found.gamma[o]) / rows);
        });
      }
      const dx = new Float64Array(rows * inputs);
      for (let i = 0; i < rows; i++) {
        for (let o = 0; o < outputs; o++) {
          const d = dz[i * outputs + o];
          if (found.bias) found.bias[o] += d;
          for (let k = 0; k < inputs; k++) {
            found.weight[o * inputs + k] += d * input[i * inputs + k];
            dx[i * inputs + k] += d * parameters.weight[o * inputs + k];
          }
        }
      }
      gradients[l] = found;
      dz = dx;
    }
    return { loss: lossOf(logits, y), gradients, seen, rows };
  };

  /* One step of gradient descent; running statistics move by the batch's, the variance unbiased, as PyTorch's do. */
  const update = (net, { gradients, seen, rows }, rate) => {
    net.layers.forEach(({ parameters, running }, l) => {
      for (const name in parameters) {
        gradients[l][name].forEach((gradient, i) => { parameters[name][i] -= rate * gradient; });
      }
      if (!running) return;
      const { mean, variance } = seen[l].batch;
      mean.forEach((_, i) => {
        running.mean[i] += MOMENTUM * (mean[i] - running.mean[i]);
        running.variance[i] += MOMENTUM * ((variance[i] * rows) / (rows - 1) - running.variance[i]);
      });
    });
  };

  const finite = (net) =>
    net.layers.every(({ parameters, running }) =>
      [...Object.values(parameters), ...Object.values(running || {})].every((values) => values.every(Number.isFinite)));

  return { make, forward, lossOf, measure, update, finite };
})();
if (typeof module !== "undefined") module.exports = network;

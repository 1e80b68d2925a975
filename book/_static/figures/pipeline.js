/* Chapters 3 and 4: a batch of numbers on its way through the layer, as a histogram. */
"use strict";
live("pipeline", {
  controls: ({ affine }) => {
    const steps = affine ? 4 : 3;
    const fixed = (value) => value.toFixed(1);
    return [
      { id: "step", label: _("Step"), min: 0, max: steps - 1, value: steps - 1, text: (place) => String(place) },
      { id: "eps", label: "ε", min: -8, max: 2, value: -5, text: (power) => `1e${power}` },
      ...(affine
        ? [
            { id: "gamma", label: "γ", min: -2, max: 3, step: 0.1, value: 1, text: fixed },
            { id: "beta", label: "β", min: -3, max: 3, step: 0.1, value: 0, text: fixed },
          ]
        : []),
    ];
  },
  draw(plot, { step, eps: power, gamma = 1, beta = 0 }, { values }) {
    const eps = 10 ** power, count = values.length;
    const mean = (xs) => xs.reduce((sum, x) => sum + x, 0) / count;
    const variance = (xs) => mean(xs.map((x) => (x - mean(xs)) ** 2));
    const mu = mean(values), root = Math.sqrt(variance(values) + eps);
    let now = values;
    if (step >= 1) now = now.map((x) => x - mu);
    if (step >= 2) now = now.map((x) => x / root);
    if (step >= 3) now = now.map((x) => gamma * x + beta);
    const edge = 6, bins = 48, heights = new Array(bins).fill(0);
    const bin = (x) => Math.min(bins - 1, Math.max(0, Math.floor(((x + edge) / (2 * edge)) * bins)));
    now.forEach((x) => { heights[bin(x)] += 100 / count; });
    const top = Math.min(100, Math.max(20, ...heights));
    plot.axes({ x: [-edge, edge], y: [0, top], xlabel: _("value"), ylabel: _("share (%)"), xticks: [-6, -4, -2, 0, 2, 4, 6], yticks: [0, top], yformat: (y) => y.toFixed(0) });
    heights.forEach((height, i) => {
      const left = plot.x(-edge + (2 * edge * i) / bins), y = plot.y(height);
      plot.rect(left, y, plot.x(-edge + (2 * edge * (i + 1)) / bins) - left - 1, plot.box.bottom - y, { class: "bar series-0" });
    });
    plot.mark(mean(now));
    const said = [
      _("The numbers as they come"), _("After subtracting μ"), say("After dividing, with ε = {eps}", { eps: `1e${power}` }),
      say("After γ = {gamma} and β = {beta}", { gamma: gamma.toFixed(1), beta: beta.toFixed(1) }),
    ];
    const beyond = now.filter((x) => Math.abs(x) > edge).length;
    const found = { step: said[step], mean: mean(now).toFixed(2), deviation: Math.sqrt(variance(now)).toFixed(2), beyond, count };
    return say("{step}: mean {mean}, standard deviation {deviation}.", found) +
      (beyond ? say(" {beyond} of {count} lie beyond the edges and are counted in the last bars.", found) : "");
  },
});

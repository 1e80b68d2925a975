/* The playground's data, and a run: a network, its batches, and what was seen of it. Nothing here knows of the page. */
"use strict";
const PlaygroundRun = (() => {
  const COUNT = 256, WIDTH = 10, BINS = 40, END = 5000, TOO_LARGE = 1e6;

  /* random() in [0, 1) from a seed (mulberry32), and random.normal() by Box and Muller. */
  const generator = (seed) => {
    let state = seed | 0;
    const random = () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    random.normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return random;
  };

  /* A point of class 0 or 1, within about [-1.5, 1.5]². */
  const polar = (radius, angle) => [radius * Math.cos(angle), radius * Math.sin(angle)];
  const SHAPES = {
    spirals(label, random) {
      const along = Math.sqrt(random());
      return polar(1.4 * along, Math.PI * (2.4 * along + label));
    },
    circles: (label, random) =>
      polar(label ? 0.95 + 0.4 * random() : 0.65 * Math.sqrt(random()), 2 * Math.PI * random()),
    xor(label, random) {
      const side = random() < 0.5 ? 1 : -1;
      return [side * (0.1 + 1.2 * random()), (label ? -side : side) * (0.1 + 1.2 * random())];
    },
    gaussians: (label, random) => [0, 0].map(() => (label ? 0.55 : -0.55) + 0.4 * random.normal()),
  };
  /* x (256, 2), y (256,) of 0 and 1 by turns. */
  const points = (shape, random) => {
    const y = Float64Array.from({ length: COUNT }, (none, i) => i % 2);
    const x = Array.from(y, (label) => SHAPES[shape](label, random).map((value) => value + 0.03 * random.normal()));
    return { x: Float64Array.from(x.flat()), y };
  };

  /* Values counted into bins; place maps a value to 0 … 1, and what lies beyond goes to the bins at the ends. */
  const counted = (bins, values, place) => {
    for (const value of values) bins[Math.min(BINS - 1, Math.max(0, Math.floor(place(value) * BINS) || 0))] += 1;
  };
  const number = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(2))) : _("beyond all bounds"));
  const spread = (values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  };
  const median = (values) => values.map(Math.abs).sort()[values.length >> 1];

  return class {
    constructor(settings) {
      const { shape, norm, depth, activation, scale, seed } = settings;
      this.random = generator(seed);
      this.train = points(shape, this.random);
      this.fresh = points(shape, this.random);
      const sizes = [2, ...Array(depth).fill(WIDTH), 1];
      this.net = network.make({ sizes, activation, norm, scale, random: this.random });
      Object.assign(this, { losses: [], order: [], over: "" });
      this.inner = sizes.slice(2).map(() => ({ before: new Float64Array(BINS), gradient: new Float64Array(BINS) }));
      this.look(network.measure(this.net, ...this.batch(settings.batch, false)));
    }
    /* Batches are cut from a permutation of the points; a rest too small for one is left out. */
    batch(size, taken = true) {
      if (this.order.length < size) {
        const drawn = Array.from({ length: COUNT }, (none, i) => [this.random(), i]);
        this.order = drawn.sort(([a], [b]) => a - b).map(([, i]) => i);
      }
      const rows = this.order.slice(0, size);
      if (taken) this.order = this.order.slice(size);
      const { x, y } = this.train;
      return [Float64Array.from(rows.flatMap((i) => [x[2 * i], x[2 * i + 1]])), Float64Array.from(rows, (i) => y[i])];
    }
    /* Add to the histograms; what earlier batches left there fades. */
    look(step) {
      this.step = step;
      this.inner.forEach(({ before, gradient }, l) => {
        for (const bins of [before, gradient]) bins.forEach((count, i) => { bins[i] = 0.9 * count; });
        counted(before, step.seen[l].before, (z) => (z + 4) / 8);
        counted(gradient, step.gradients[l].weight, (g) => (Math.log10(Math.abs(g)) + 8) / 10);
      });
    }
    advance({ batch, rate }) {
      const step = network.measure(this.net, ...this.batch(batch));
      if (step.loss < TOO_LARGE) {
        network.update(this.net, step, rate);
        this.losses.push(step.loss);
        this.look(step);
      }
      if (!(step.loss < TOO_LARGE && network.finite(this.net))) {
        this.over = say("Diverged at step {step}: the loss passed a million or left the range of numbers, and the run stopped", { step: this.losses.length });
      } else if (this.losses.length >= END) {
        this.over = say("Finished at step {step}", { step: END });
      }
    }
    right(training) {
      const { logits } = network.forward(this.net, this.fresh.x, training);
      return Math.round((100 * logits.filter((z, i) => z > 0 === this.fresh.y[i] > 0).length) / COUNT);
    }
    words({ norm, depth }, running) {
      const { seen, gradients, loss, rows } = this.step;
      const both = (of) => depth > 1
        ? say("{first} in layer 1, {last} in layer {depth}", { first: number(of(0)), last: number(of(depth - 1)), depth })
        : say("{first} in layer 1", { first: number(of(0)) });
      const found = {
        step: this.losses.length, loss: number(loss), rows, count: COUNT, right: this.right(false),
        own: norm ? this.right(true) : "",
        deviation: both((l) => spread(seen[l].before)), gradient: both((l) => median(gradients[l].weight)),
      };
      return [
        this.over || (running ? say("Running, step {step}", found) : say("Paused, step {step}", found)),
        norm ? say("With batch normalization, loss {loss} on the last batch of {rows}", found)
          : say("Without batch normalization, loss {loss} on the last batch of {rows}", found),
        norm ? say("Of {count} new points {right} % are right with running statistics, {own} % with their own", found)
          : say("Of {count} new points {right} % are right", found),
        say("Standard deviation before the activation: {deviation}", found),
        say("Median gradient of a weight: {gradient}.", found),
      ].join(_(". "));
    }
  };
})();

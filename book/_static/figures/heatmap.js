/* Chapter 8: accuracy by learning rate and initial scale, a map for each kind of network; point at a cell or use the sliders. */
"use strict";
live("heatmap", {
  height: (width) => (width < 460 ? 170 : 230),
  controls: ({ rates, gains }) => [
    { id: "rate", label: _("Learning rate"), min: 0, max: rates.length - 1, value: Math.floor(rates.length / 2), text: (place) => String(rates[place]) },
    { id: "gain", label: _("Initial scale"), min: 0, max: gains.length - 1, value: Math.floor(gains.length / 2), text: (place) => String(gains[place]) },
  ],
  draw(plot, { rate, gain }, { rates, gains, arms, target }) {
    const across = arms.length, gap = 14, top = 24, left = 44;
    const size = Math.min((plot.width - left - gap * across) / (across * rates.length), (plot.height - top - 44) / gains.length);
    const figure = plot.svg.closest("figure");
    const set = (id, place) => {
      const input = figure.querySelectorAll("input")[id];
      input.value = place;
      input.dispatchEvent(new Event("input"));
    };
    arms.forEach(({ name, accuracy }, number) => {
      const x0 = left + number * (rates.length * size + gap);
      plot.text(x0, top - 9, _(name));
      gains.forEach((gain_, row) => rates.forEach((rate_, column) => {
        const share = accuracy[column][row];
        const cell = plot.rect(x0 + column * size, top + (gains.length - 1 - row) * size, size - 1, size - 1, {
          class: "heat", style: `--share:${Number.isFinite(share) ? share : 0}%`,
        });
        if (share >= target) plot.add("circle", { cx: x0 + column * size + size / 2 - 0.5, cy: top + (gains.length - 0.5 - row) * size - 0.5, r: 2, class: "heat-dot" });
        cell.addEventListener("pointerenter", () => { if (row !== gain || column !== rate) { set(0, column); set(1, row); } });
      }));
      plot.rect(x0 + rate * size - 1, top + (gains.length - 1 - gain) * size - 1, size + 1, size + 1, { class: "chosen" });
    });
    const bottom = top + gains.length * size;
    gains.forEach((value, row) => plot.text(left - 6, top + (gains.length - 0.5 - row) * size + 4, value, { "text-anchor": "end", class: "tick" }));
    plot.text(left, bottom + 16, say("rate {rate}", { rate: rates[0] }), { class: "tick" });
    plot.text(left + rates.length * size, bottom + 16, rates[rates.length - 1], { "text-anchor": "end", class: "tick" });
    plot.text(left, bottom + 36, say("rows: initial scale; dots: at least {target} % right", { target }), { class: "tick" });
    const told = arms.map(({ name, accuracy }) => `${_(name)} ${accuracy[rate][gain].toFixed(0)} %`);
    const found = { rate: rates[rate], scale: gains[gain], right: told.join(_(", ")) };
    return say("Learning rate {rate}, initial scale {scale}: {right} right.", found);
  },
});

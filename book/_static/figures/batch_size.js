/* Chapter 12: error by batch size for each normalization, as bars. */
"use strict";
live("batch_size", {
  controls: ({ sizes, networks }) => [
    { id: "network", label: _("Network"), options: networks.map(({ name }) => _(name)) },
    { id: "size", label: _("Images in a batch"), min: 0, max: sizes.length - 1, value: 1, text: (place) => String(sizes[place]) },
  ],
  draw(plot, { network, size: place }, { sizes, networks }) {
    const { name, errors } = networks[network];
    const arms = Object.entries(errors).filter(([, values]) => Number.isFinite(values[place]));
    const top = Math.ceil(Math.max(10, ...Object.values(errors).flat().filter(Number.isFinite)) / 10) * 10;
    plot.box.left = 64;
    plot.axes({ x: [0, top], y: [0, 1], yticks: [], xlabel: _("test error (%)"), xticks: [0, top / 2, top] });
    const band = (plot.box.bottom - plot.box.top) / Math.max(1, arms.length);
    arms.forEach(([arm, values], row) => {
      const y = plot.box.top + row * band;
      plot.rect(plot.x(0), y + band * 0.15, plot.x(values[place]) - plot.x(0), band * 0.7, { class: `bar series-${arm === "BN" ? 1 : 0}` });
      plot.text(plot.box.left - 8, y + band / 2 + 4, arm, { "text-anchor": "end" });
      const inside = values[place] > 0.8 * top;
      plot.text(plot.x(values[place]) + (inside ? -6 : 6), y + band / 2 + 4, values[place].toFixed(1), { "text-anchor": inside ? "end" : "start", class: inside ? "on-bar" : "" });
    });
    const told = arms.map(([arm, values]) => `${arm} ${values[place].toFixed(0)} %`);
    const found = { name: _(name), size: sizes[place], errors: told.join(_(", ")) };
    return arms.length
      ? say("{name}, batches of {size}: error {errors}.", found)
      : say("{name}, batches of {size}: not measured.", found);
  },
});

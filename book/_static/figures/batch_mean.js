/* Chapter 2: where the means of many batches lie, for each batch size. */
"use strict";
live("batch_mean", {
  height: 220,
  controls: ({ sizes }) => [
    {
      id: "size", label: _("Digits in a batch"), min: 0, max: sizes.length - 1, value: 3,
      text: (place) => String(sizes[place]),
    },
  ],
  draw(plot, { size: place }, { sizes, means, spread }) {
    const shown = means[place], far = spread[place];
    plot.box.left = 14;
    plot.axes({ x: [-3, 3], y: [0, 1], yticks: [], xlabel: _("mean of the batch, in standard deviations of a digit"), xticks: [-3, -2, -1, 0, 1, 2, 3] });
    const low = plot.x(-far), high = plot.x(far);
    plot.rect(low, plot.box.top, high - low, plot.box.bottom - plot.box.top, { class: "band series-1" });
    plot.mark(0);
    shown.forEach((mean, i) => plot.dot(mean, 0.12 + 0.76 * (((i * 37) % shown.length) / shown.length), 0, 4));
    const told = { count: shown.length, size: sizes[place], far: far.toPrecision(2), one: (1 / Math.sqrt(sizes[place])).toPrecision(2) };
    return say("{count} batches of {size}: the standard error of their means is {far} standard deviations (the band). One over the root of {size} is {one}.", told);
  },
});

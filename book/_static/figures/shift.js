/* Chapter 1: one digit under a lamp, and how many are read in that light. */
"use strict";
live("shift", {
  controls: ({ lamp }) => [
    {
      id: "lamp", label: _("Strength of the lamp"), min: 0, max: lamp.length - 1, value: 5,
      text: (place) => `${Math.round(100 * [...lamp].reverse()[place])} %`,
    },
  ],
  draw(plot, { lamp: place }, { image, side, lamp, plain, normalised, chance }) {
    const strength = [...lamp].reverse()[place];
    const at = lamp.indexOf(strength);
    const size = Math.min(130, plot.width * 0.3);
    const pixel = size / side;
    image.forEach((value, i) => {
      const grey = Math.round(255 * strength * (0.5 + 0.5 * value));
      const fill = `rgb(${grey},${grey},${grey})`;
      plot.rect((i % side) * pixel, 20 + Math.floor(i / side) * pixel, pixel + 0.5, pixel + 0.5, { fill });
    });
    plot.box.left = size + 60;
    const percent = (share) => Math.round(100 * share);
    plot.axes({
      x: [100 * lamp[lamp.length - 1], 100], y: [0, 100], xlabel: _("lamp (%)"), ylabel: _("right (%)"),
      xticks: [...lamp].filter((share, i) => i % 3 === 0).map(percent), yticks: [0, 50, 100],
    });
    plot.line(lamp.map(percent), plain, 0);
    plot.line(lamp.map(percent), normalised, 1);
    plot.mark(percent(strength));
    plot.dot(percent(strength), plain[at], 0);
    plot.dot(percent(strength), normalised[at], 1);
    plot.text(plot.x(100) - 4, plot.y(chance) - 4, _("guessing"), { "text-anchor": "end", class: "tick" });
    plot.add("path", { d: `M${plot.box.left} ${plot.y(chance)}H${plot.box.right}`, class: "axis" });
    plot.text(plot.box.left + 8, plot.box.top + 2, _("— without BN"), { class: "ink-0" });
    plot.text(plot.box.left + 8, plot.box.top + 18, _("- - with BN"), { class: "ink-1" });
    const found = { lamp: percent(strength), without: plain[at].toFixed(0), with: normalised[at].toFixed(0), chance: chance.toFixed(0) };
    return say(
      "With the lamp at {lamp} %, {without} % of the images are read right without batch normalization and {with} % with it. Guessing reads {chance} %.",
      found,
    );
  },
});

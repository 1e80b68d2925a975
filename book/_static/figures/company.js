/* Introduction: four numbers go through the layer; move one of them, and see whose outputs move. */
"use strict";
live("company", {
  height: 210,
  controls: () => [
    { id: "last", label: _("Fourth number"), min: -10, max: 20, value: 8 },
    { id: "stored", label: _("Mean and deviation"), options: [_("of this batch, as in training"), _("stored, as in use")] },
  ],
  draw(plot, { last, stored }) {
    const first = [2, 4, 6, 8], batch = [2, 4, 6, last];
    const signed = (value) => String(value).replace("-", "−");
    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const over = stored ? first : batch;
    const centre = mean(over), deviation = Math.sqrt(mean(over.map((value) => (value - centre) ** 2)));
    const outputs = batch.map((value) => (value - centre) / deviation);
    const { right } = plot.box, left = 70, [top, bottom] = [50, 150];
    const above = plot.scale(-10, 20, left, right), below = plot.scale(-7, 7, left, right);
    const axis = (y, place, values, name, text) => {
      plot.add("path", { d: `M${left} ${y}H${right}`, class: "axis" });
      plot.text(4, y + 4, name);
      for (const value of values) plot.text(place(value), text, signed(value), { "text-anchor": "middle", class: "tick" });
    };
    axis(top, above, [-10, -5, 0, 5, 10, 15, 20], _("inputs"), top - 24);
    axis(bottom, below, [-6, -4, -2, 0, 2, 4, 6], _("outputs"), bottom + 36);
    batch.forEach((value, i) => {
      const series = i === 3 ? 1 : 0, from = above(value), to = below(outputs[i]);
      plot.add("path", { d: `M${from} ${top}L${to} ${bottom}`, class: `line thin series-${series}` });
      plot.add("circle", { cx: from, cy: top, r: 6, class: `dot series-${series}` });
      plot.add("circle", { cx: to, cy: bottom, r: 6, class: `dot series-${series}` });
    });
    const shown = outputs.map((value) => signed(value.toFixed(2))).join(", ");
    const moved = last === 8 ? "" : stored ? _(" Only the fourth output moved.") : _(" One input moved, and all four outputs did.");
    const told = { mean: signed(centre.toFixed(2)), deviation: deviation.toFixed(2), inputs: batch.map(signed).join(", "), outputs: shown };
    return say("With mean {mean} and deviation {deviation}, {inputs} becomes {outputs}.", told) + moved;
  },
});

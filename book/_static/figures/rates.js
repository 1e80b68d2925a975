/* Chapter 7: recorded runs with and without batch normalization, at one learning rate after another. */
"use strict";
live("rates", {
  controls: ({ rates }) => [
    { id: "rate", label: _("Learning rate"), min: 0, max: rates.length - 1, value: 2, text: (place) => String(rates[place]) },
  ],
  draw(plot, { rate: place }, { rates, target, arms }) {
    const last = Math.max(...arms.map(({ steps }) => steps[steps.length - 1]));
    plot.axes({ x: [0, last], y: [0, 100], xlabel: _("training step"), ylabel: _("right (%)"), xticks: [0, last / 2, last], yticks: [0, 50, 100] });
    plot.add("path", { d: `M${plot.box.left} ${plot.y(target)}H${plot.box.right}`, class: "mark" });
    const told = arms.map(({ name, steps, runs }, series) => {
      const mean = steps.map((step, t) => runs[place].reduce((sum, run) => sum + run[t], 0) / runs[place].length);
      runs[place].forEach((run) => plot.line(steps, run, series, true));
      plot.line(steps, mean, series);
      const first = mean.findIndex((share) => share >= target);
      const found = { name: _(name), end: mean[mean.length - 1].toFixed(0), target, step: steps[first] };
      return first < 0
        ? say("{name} the mean ends at {end} % and does not reach {target} %", found)
        : say("{name} the mean reaches {target} % at step {step} and ends at {end} %", found);
    });
    plot.legend(arms.map(({ name }) => _(name)));
    const all = told.join(_("; "));
    return say("At learning rate {rate}: {told}.", { rate: rates[place], told: all });
  },
});

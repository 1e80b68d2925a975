/* Chapter 4: the graph of the backward pass, one step at a time. It draws on a copy of the still picture. */
"use strict";
(() => {
  const STEPS = [
    [_("dy comes in, the gradient of the loss at y."), "dy (N, D)"],
    [_("Plus beta: β was added to each row, so dbeta is the sum of dy over the batch; dy goes on as dscaled."), "dscaled (N, D)", "dbeta (D,)"],
    [_("Times gamma: dgamma is the sum of dscaled · x̂ over the batch; dx_hat = dscaled · γ."), "dx_hat (N, D)", "dgamma (D,)"],
    [_("Times inverse: dinverse is the sum of dx_hat · centred over the batch. One part of dcentred, dx_hat · inverse, goes straight up."), "dinverse (D,)"],
    [_("Inverse root: dvar = −½ · dinverse · (σ² + ε)^(−3/2)."), "dvar (D,)"],
    [_("Mean: each square had a share of 1/N in the variance, so dsquares = dvar / N in every row."), "dsquares (N, D)"],
    [_("Square: twice centred · dsquares joins the part that went straight up. That is dcentred."), "dcentred (N, D)"],
    [_("Minus mu: dcentred goes straight up, and with a minus sign, summed over the batch, to dmu."), "dmu (D,)"],
    [_("Mean: each x had a share of 1/N in μ, so dmu / N joins in every row. That is dx."), "dx (N, D)"],
  ];
  live("backward", {
    height: 10,
    controls: () => [{ id: "step", label: _("Step back"), min: 0, max: STEPS.length - 1, value: 0 }],
    draw(plot, { step }) {
      const still = plot.svg.closest("figure").querySelector(".still svg");
      plot.svg.setAttribute("viewBox", "0 0 400 690");
      plot.svg.setAttribute("class", "diagram backward");
      plot.svg.append(...[...still.children].filter((part) => !["title", "desc"].includes(part.tagName)).map((part) => part.cloneNode(true)));
      const reached = new Set(STEPS.slice(0, step + 1).flatMap(([, ...names]) => names));
      for (const note of plot.svg.querySelectorAll(".note text")) {
        const named = /^d/.test(note.textContent);
        note.classList.toggle("waiting", named && !reached.has(note.textContent));
        note.classList.toggle("fresh", STEPS[step].includes(note.textContent));
      }
      plot.svg.querySelectorAll(".name .step").forEach((number) => {
        const place = Number(number.textContent);
        number.parentNode.classList.toggle("waiting", place > step);
        number.parentNode.classList.toggle("fresh", place === step);
      });
      return step ? say("Step {step}. {told}", { step, told: STEPS[step][0] }) : STEPS[0][0];
    },
  });
})();

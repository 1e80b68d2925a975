/* The pictures of the playground: where the border runs, how the loss fell, what is inside the layers. */
"use strict";
const playgroundDrawing = (() => {
  const CELLS = 32, ROW = 26, TITLE = 22;
  const along = (from, to) => Array.from({ length: CELLS + 1 }, (_, i) => from + ((to - from) * i) / CELLS);
  /* The corners of the cells, row by row from the upper left, (33 * 33, 2). */
  const GRID = Float64Array.from(along(1.5, -1.5).flatMap((y) => along(-1.5, 1.5).flatMap((x) => [x, y])));

  const layout = (width, depth) => {
    const wide = width >= 540;
    const side = wide ? Math.round(0.42 * width) : Math.min(300, width);
    const bottom = TITLE + side;
    const loss = wide
      ? { left: side + 60, right: width - 16, top: TITLE + 6, bottom: bottom - 36 }
      : { left: 46, right: width - 16, top: bottom + 44, bottom: bottom + 180 };
    const top = (wide ? bottom : loss.bottom + 40) + 40;
    return { side, left: wide ? 0 : (width - side) / 2, loss, top, height: top + depth * ROW + 24 };
  };

  /* The corners of a cell, in order round it: column, row, logit. */
  const cornersOf = (logits, column, row) =>
    [[0, 0], [1, 0], [1, 1], [0, 1]].map(([right, down]) =>
      [column + right, row + down, logits[(row + down) * (CELLS + 1) + column + right]]);

  /* The class and how sure of it the network is, in four shades: "00" … "13". */
  const shadeOf = (corners) => {
    const sure = corners.reduce((sum, [, , logit]) => sum + Math.tanh(logit / 2), 0) / 4;
    return sure ? `${sure > 0 ? 1 : 0}${Math.floor(4 * Math.min(0.99, Math.abs(sure)))}` : "";
  };

  /* Where the border between the classes enters a cell and leaves it. */
  const crossings = (corners) =>
    corners
      .map((from, i) => [from, corners[(i + 1) % 4]])
      .filter(([from, to]) => from[2] > 0 !== to[2] > 0)
      .map(([from, to]) => {
        const share = from[2] / (from[2] - to[2]) || 0;
        return [0, 1].map((axis) => from[axis] + share * (to[axis] - from[axis]));
      });

  const drawSurface = (plot, { side, left }, title, logits, { x, y }) => {
    const size = side / CELLS;
    const at = (column, row) => `${(left + column * size).toFixed(1)} ${(TITLE + row * size).toFixed(1)}`;
    plot.text(left + side / 2, TITLE - 8, title, { "text-anchor": "middle" });
    const shades = {};
    let border = "";
    /* Cells of one shade in a row are one rectangle, half a pixel too large, so that no gap shows beside it. */
    const shaded = (shade, first, end, row) => {
      const [wide, high] = [(end - first) * size + 0.5, size + 0.5].map((length) => length.toFixed(1));
      if (shade) shades[shade] = `${shades[shade] || ""}M${at(first, row)}h${wide}v${high}h-${wide}z`;
    };
    for (let row = 0; row < CELLS; row++) {
      let first = 0, same = "";
      for (let column = 0; column < CELLS; column++) {
        const corners = cornersOf(logits, column, row);
        const shade = shadeOf(corners);
        if (shade !== same) {
          shaded(same, first, column, row);
          [first, same] = [column, shade];
        }
        border += crossings(corners).map((place, i) => (i % 2 ? "L" : "M") + at(...place)).join("");
      }
      shaded(same, first, CELLS, row);
    }
    for (const [[label, shade], d] of Object.entries(shades)) {
      plot.add("path", { d, class: `surface series-${label}`, style: `--share: ${10 + 12 * shade}%` });
    }
    plot.add("path", { d: border, class: "border" });
    const marks = ["", ""];
    y.forEach((label, i) => {
      const place = at(((x[2 * i] + 1.5) / 3) * CELLS, ((1.5 - x[2 * i + 1]) / 3) * CELLS);
      marks[label] += `M${place}${label ? "m-2.5-2.5l5 5m0-5l-5 5" : "h0"}`;
    });
    marks.forEach((d, label) => plot.add("path", { d, class: `points series-${label}` }));
  };

  /* One row a layer: what goes into its activation, and its weights' gradients on a logarithmic axis. */
  const drawHistograms = (plot, { top }, inner) => {
    const middle = (plot.width + 52) / 2;
    const columns = [
      ["before", _("before the activation"), 52, middle - 10, [[0, "≤ −4"], [0.5, "0"], [1, "≥ 4"]]],
      ["gradient", _("gradients of weights"), middle + 10, plot.width - 12, [[0, "10⁻⁸"], [0.5, "10⁻³"], [0.8, "1"]]],
    ];
    columns.forEach(([name, title, from, to, ticks], series) => {
      plot.text((from + to) / 2, top - 10, title, { "text-anchor": "middle" });
      inner.forEach(({ [name]: bins }, l) => {
        const bottom = top + (l + 1) * ROW;
        if (!series) plot.text(0, bottom - 4, say("layer {number}", { number: l + 1 }));
        const most = Math.max(...bins) || 1;
        const step = `h${(to - from) / bins.length}`;
        const d = Array.from(bins, (count) => `V${(bottom - (count / most) * (ROW - 4)).toFixed(1)}${step}`).join("");
        plot.add("path", { d: `M${from} ${bottom}${d}V${bottom}z`, class: `bar series-${2 * series}` });
        plot.add("path", { d: `M${from} ${bottom}H${to}`, class: "axis" });
      });
      for (const [share, tick] of ticks) {
        const place = [from + share * (to - from), top + inner.length * ROW + 16];
        plot.text(...place, tick, { "text-anchor": { 0: "start", 1: "end" }[share] || "middle", class: "tick" });
      }
    });
  };

  /* The means of at most 100 stretches, so that a long run is as quick to draw as a short one. */
  const thinned = (losses) => {
    const length = Math.ceil(losses.length / 100) || 1;
    const starts = Array.from({ length: Math.ceil(losses.length / length) }, (_, i) => i * length);
    const stretch = (start) => losses.slice(start, start + length);
    return [starts, starts.map((start) => stretch(start).reduce((sum, loss) => sum + loss, 0) / stretch(start).length)];
  };

  const drawLosses = (plot, { loss }, losses, before) => {
    plot.box = loss;
    const steps = Math.max(losses.length, before.length);
    const end = [100, 200, 500, 1000, 2000].find((limit) => limit >= steps) || 5000;
    const yticks = [0.001, 0.01, 0.1, 1, 10];
    plot.axes({ x: [0, end], y: [0.001, 10], ylog: true, yticks, xlabel: _("step") });
    plot.text((loss.left + loss.right) / 2, loss.top - 14, _("loss of the batches"), { "text-anchor": "middle" });
    plot.add("path", { d: `M${loss.left} ${plot.y(Math.LN2)}H${loss.right}`, class: "mark" });
    plot.text(loss.right, plot.y(Math.LN2) - 5, _("a guess"), { "text-anchor": "end", class: "tick" });
    plot.line(...thinned(before), 1);
    plot.line(...thinned(losses), 0);
    plot.legend(before.length ? [_("this run"), _("the run before")] : [_("this run")]);
  };

  return { GRID, layout, drawSurface, drawHistograms, drawLosses };
})();

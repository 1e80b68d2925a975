/* What the figures share: a drawing that fits its width, native controls, and a summary in words.

   live("name", {
     controls: (data) => [{ id, label, min, max, step, value, text?: (value) => "0.3" } | { id, label, options: [...], value }],
     draw: (plot, values, data) => "what the picture now shows, in words",
     height?: 260, or (width, values) => pixels,
     begin?: (place, redraw) => what `draw` gets as its fourth argument
   });

   A figure that moves by itself begins once: it may add buttons to `place`, and calls `redraw()` for each new picture.
   Where `draw` then returns undefined, the words stay, so that no screen reader has to read every picture.

   `values` maps ids to numbers (of options: the place in the list). `plot` draws in pixels; see Plot. */
"use strict";
const live = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const figures = {};

  const make = (tag, attributes = {}, text = "") => {
    const element = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== "") element.textContent = text;
    return element;
  };

  class Plot {
    constructor(svg, width, height) {
      Object.assign(this, { svg, width, height });
      svg.replaceChildren();
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.box = { left: 46, right: width - 12, top: 12, bottom: height - 40 };
    }
    add(tag, attributes, text) {
      return this.svg.appendChild(make(`svg:${tag}`, attributes, text));
    }
    text(x, y, text, attributes = {}) {
      return this.add("text", { x, y, ...attributes }, text);
    }
    rect(x, y, width, height, attributes = {}) {
      return this.add("rect", { x, y, width: Math.max(0, width), height: Math.max(0, height), ...attributes });
    }
    /* A scale from values to pixels; values outside are drawn at the edge, so that nothing is NaN. */
    scale(low, high, from, to, log = false) {
      const of = log ? (value) => Math.log(Math.max(value, 1e-300)) : (value) => value;
      const span = of(high) - of(low) || 1;
      return (value) => {
        const share = (of(value) - of(low)) / span;
        return from + (to - from) * (Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0);
      };
    }
    /* Both axes: { x: [low, high], y: [low, high], xlog, ylog, xlabel, ylabel, xticks, yticks, format }. */
    axes({ x, y, xlog, ylog, xlabel = "", ylabel = "", xticks, yticks, format = String, yformat = format }) {
      const { left, right, top, bottom } = this.box;
      this.x = this.scale(x[0], x[1], left, right, xlog);
      this.y = this.scale(y[0], y[1], bottom, top, ylog);
      this.add("path", { d: `M${left} ${top}V${bottom}H${right}`, class: "axis" });
      for (const tick of xticks || x) {
        this.text(this.x(tick), bottom + 16, format(tick), { "text-anchor": "middle", class: "tick" });
        this.add("path", { d: `M${this.x(tick)} ${bottom}v4`, class: "axis" });
      }
      for (const tick of yticks || y) {
        this.text(left - 6, this.y(tick) + 4, yformat(tick), { "text-anchor": "end", class: "tick" });
        this.add("path", { d: `M${left} ${this.y(tick)}h-4`, class: "axis" });
      }
      this.text((left + right) / 2, bottom + 34, xlabel, { "text-anchor": "middle" });
      const [edge, middle] = [left - 34, (top + bottom) / 2];
      this.text(edge, middle, ylabel, { "text-anchor": "middle", transform: `rotate(-90 ${edge} ${middle})` });
    }
    /* A line through (xs, ys); series 0, 1, 2 differ in colour and dashes. Places without a number are left out. */
    line(xs, ys, series = 0, thin = false) {
      const points = xs.map((x, i) => [x, ys[i]]).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
      const d = points.map(([x, y], i) => `${i ? "L" : "M"}${this.x(x).toFixed(1)} ${this.y(y).toFixed(1)}`).join("");
      return this.add("path", { d, class: `line series-${series}${thin ? " thin" : ""}` });
    }
    dot(x, y, series = 0, radius = 5) {
      if (!Number.isFinite(y)) return null;
      return this.add("circle", { cx: this.x(x), cy: this.y(y), r: radius, class: `dot series-${series}` });
    }
    mark(x) {
      const { top, bottom } = this.box;
      return this.add("path", { d: `M${this.x(x)} ${top}V${bottom}`, class: "mark" });
    }
    /* The names of the series in a row below the top edge, each with a piece of its line. */
    legend(names) {
      let x = this.box.left + 8;
      names.forEach((name, series) => {
        this.add("path", { d: `M${x} ${this.box.top}h22`, class: `line series-${series}` });
        const label = this.text(x + 27, this.box.top + 4, name);
        x += 40 + (label.getComputedTextLength ? label.getComputedTextLength() : 7 * name.length);
      });
    }
  }

  const control = (figure, settings, changed) => {
    const row = make("div", { class: "control" });
    const id = `${figure}-${settings.id}`;
    row.append(make("label", { for: id }, settings.label));
    if (settings.options) {
      const select = make("select", { id });
      settings.options.forEach((option, place) => select.append(make("option", { value: place }, option)));
      select.value = settings.value || 0;
      select.addEventListener("input", changed);
      row.append(select);
      return { row, id: settings.id, read: () => Number(select.value) };
    }
    const { min, max, step = 1, value = min, text = String } = settings;
    const input = make("input", { id, type: "range", min, max, step, value });
    const shown = make("output", { for: id });
    const read = () => {
      const number = Number(input.value);
      const near = step === 1 ? Math.round(number) : number;
      return Number.isFinite(near) ? Math.min(max, Math.max(min, near)) : value;
    };
    const tell = () => {
      shown.textContent = text(read());
      input.setAttribute("aria-valuetext", text(read()));
    };
    input.addEventListener("input", () => { tell(); changed(); });
    tell();
    row.append(input, shown);
    return { row, id: settings.id, read };
  };

  const start = (place, number) => {
    const figure = figures[place.dataset.figure];
    if (!figure) return;
    const stored = place.querySelector('script[type="application/json"]');
    const data = stored ? JSON.parse(stored.textContent) : null;
    const svg = make("svg:svg", { role: "img", "aria-label": place.dataset.label });
    const summary = make("p", { class: "summary", role: "status" });
    const redraw = () => {
      const width = Math.max(280, Math.min(680, place.clientWidth || 640));
      const values = Object.fromEntries(controls.map(({ id, read }) => [id, read()]));
      const height = typeof figure.height === "function" ? figure.height(width, values) : figure.height || 260;
      const words = figure.draw(new Plot(svg, width, height), values, data, moving);
      if (words !== undefined) summary.textContent = words;
    };
    const name = `${place.dataset.figure}-${number}`;
    const controls = figure.controls(data).map((settings) => control(name, settings, redraw));
    const panel = make("div", { class: "controls", role: "group", "aria-label": place.dataset.label });
    panel.append(...controls.map(({ row }) => row));
    const moving = figure.begin?.(place, redraw);
    place.append(svg, panel, summary, ...place.querySelectorAll("figcaption"));
    redraw();
    place.classList.add("running");
    new ResizeObserver(redraw).observe(place);
  };

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("figure.live").forEach(start));
  return Object.assign((name, figure) => { figures[name] = figure; }, { make });
})();

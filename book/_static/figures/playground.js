/* A small network that trains in the page. Its arithmetic: network.js; batches and histograms: playground_run.js. */
"use strict";
(() => {
  const { GRID, layout, drawSurface, drawHistograms, drawLosses } = playgroundDrawing;
  const SHAPES = { spirals: _("two spirals"), circles: _("disc and ring"), xor: _("four corners"), gaussians: _("two clouds") };
  const ACTIVATIONS = { relu: "ReLU", tanh: "tanh", sigmoid: _("sigmoid") };
  const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];
  const SCALES = [0.01, 0.03, 0.1, 0.3, 1, 3, 10];
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  /* The buttons, and a loop of pictures: each makes a few steps, or looks at the plane anew, and so takes a few ms. */
  const begin = (place, redraw) => {
    const game = { run: null, before: [], logits: null, running: false, quiet: false, told: 0, pictures: 0 };
    const row = live.make("div", { class: "buttons" });
    let handle = 0;
    const go = (running) => {
      cancelAnimationFrame(handle);
      game.running = running;
      start.textContent = running ? _("Pause") : _("Start");
      game.logits = null;
      redraw();
      if (running) handle = requestAnimationFrame(picture);
    };
    const picture = () => {
      const until = performance.now() + 6;
      game.pictures += 1;
      if (game.pictures % 3 === 0) game.logits = null;
      else for (let i = 0; i < 5 && !game.run.over && performance.now() < until; i++) game.run.advance(game.settings);
      if (game.run.over) return go(false);
      game.quiet = performance.now() - game.told < 2000;
      if (!game.quiet || !calm.matches) redraw();
      game.quiet = false;
      handle = requestAnimationFrame(picture);
    };
    const button = (text, pressed) => {
      const element = row.appendChild(live.make("button", { type: "button" }, text));
      element.addEventListener("click", pressed);
      return element;
    };
    const again = () => { if (game.run.over) game.renew(game.settings); };
    const start = button(_("Start"), () => { again(); go(!game.running); });
    button(_("Step"), () => { again(); game.run.advance(game.settings); go(false); });
    button(_("Reset"), () => { game.renew(game.settings); go(false); });
    game.renew = (settings) => {
      if (game.run?.losses.length > 50) game.before = game.run.losses;
      game.logits = null;
      game.run = new PlaygroundRun(settings);
    };
    place.append(row);
    return game;
  };

  const read = ({ shape, norm, activation, depth, batch, rate, scale, seed }) => ({
    shape: Object.keys(SHAPES)[shape],
    norm: norm === 1,
    activation: Object.keys(ACTIVATIONS)[activation],
    depth,
    batch: 2 ** batch,
    rate: RATES[rate],
    scale: SCALES[scale],
    seed,
  });

  live("playground", {
    controls: () => [
      { id: "shape", label: _("Data"), options: Object.values(SHAPES) },
      { id: "norm", label: _("Batch norm"), options: [_("off"), _("on")], value: 1 },
      { id: "activation", label: _("Activation"), options: Object.values(ACTIVATIONS) },
      { id: "depth", label: _("Hidden layers"), min: 1, max: 6, value: 4 },
      { id: "batch", label: _("Batch size"), min: 1, max: 8, value: 5, text: (place) => String(2 ** place) },
      { id: "rate", label: _("Learning rate"), min: 0, max: 9, value: 4, text: (place) => String(RATES[place]) },
      { id: "scale", label: _("Initial scale"), min: 0, max: 6, value: 4, text: (place) => String(SCALES[place]) },
      { id: "seed", label: _("Seed"), min: 1, max: 9, value: 1 },
    ],
    begin,
    height: (width, { depth }) => layout(width, depth).height,
    draw(plot, values, data, game) {
      const settings = read(values);
      /* Batch size and rate may change on the way; all else begins a new run. */
      const kind = JSON.stringify({ ...settings, batch: 0, rate: 0 });
      const untouched = !game.run?.losses.length && game.settings?.batch !== settings.batch;
      if (game.kind !== kind || untouched) game.renew(settings);
      Object.assign(game, { kind, settings });
      const { run } = game;
      game.logits ||= network.forward(run.net, GRID, false).logits;
      const places = layout(plot.width, settings.depth);
      const title = settings.norm ? _("decision, running statistics") : _("decision");
      drawSurface(plot, places, title, game.logits, run.train);
      drawLosses(plot, places, run.losses, game.before);
      drawHistograms(plot, places, run.inner);
      if (game.quiet) return undefined;
      game.told = performance.now();
      return run.words(settings, game.running);
    },
  });
})();

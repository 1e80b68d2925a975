/* Chapter 14: which elements of an N × C × HW block share a mean and a variance with one of them. */
"use strict";
(() => {
  const N = 4, C = 6, PIXELS = 3;
  const NORMS = {
    [_("BN, batch")]: (n, c) => c === 1 && _("channel 1 of all images, N·H·W numbers"),
    [_("LN, layer")]: (n) => n === 1 && _("all channels of image 1, C·H·W numbers"),
    [_("IN, instance")]: (n, c) => n === 1 && c === 1 && _("channel 1 of image 1, H·W numbers"),
    [_("GN, group")]: (n, c, groups) => n === 1 && Math.floor(c / (C / groups)) === Math.floor(1 / (C / groups)) && say("one of {groups} groups of channels of image 1, C·H·W / {groups} numbers", { groups }),
    [_("BCN, batch and channel")]: (n, c) => (c === 1 || n === 1) && _("two sets, mixed by ι: channel 1 of all images, and all channels of image 1"),
  };
  const GROUPS = [1, 2, 3, 6];
  live("axes", {
    controls: () => [
      { id: "norm", label: _("Normalization"), options: Object.keys(NORMS) },
      { id: "groups", label: _("Groups, for GN"), min: 0, max: GROUPS.length - 1, value: 1, text: (place) => String(GROUPS[place]) },
    ],
    draw(plot, { norm, groups: place }) {
      const [name, inside] = Object.entries(NORMS)[norm];
      const groups = GROUPS[place];
      const size = Math.min((plot.width - 90) / (C + PIXELS * 0.35), (plot.height - 50) / (N + PIXELS * 0.35));
      const shift = size * 0.35, left = 60, top = 14 + PIXELS * shift;
      let words = "";
      for (let depth = PIXELS - 1; depth >= 0; depth -= 1) {
        for (let n = 0; n < N; n += 1) {
          for (let c = 0; c < C; c += 1) {
            const told = inside(n, c, groups);
            if (told) words = told;
            const both = norm === 4 && told ? (c === 1 ? "shared series-0" : "shared series-1") : told ? "shared series-0" : "other";
            plot.rect(left + c * size + depth * shift, top + n * size - depth * shift, size - 2, size - 2, { class: `cube ${both}` });
          }
        }
      }
      plot.text(left + size * 1.5, top + size * 1.5 + 5, "x", { "text-anchor": "middle", class: "on-bar" });
      const bottom = top + N * size;
      plot.text(left + (C * size) / 2, bottom + 18, _("channels C"), { "text-anchor": "middle" });
      plot.text(left - 12, top + (N * size) / 2, _("images N"), { "text-anchor": "middle", transform: `rotate(-90 ${left - 12} ${top + (N * size) / 2})` });
      plot.text(left + C * size + 8, bottom - 4, _("depth: H·W"));
      const same = { 1: _("With one group it is LN without the pixels' own γ and β."), 6: _("With a group for each channel it is IN.") };
      const told = say("{name}: x in channel 1 of image 1 shares its mean and variance with {numbers}.", { name, numbers: words });
      return norm === 3 && same[groups] ? `${told} ${same[groups]}` : told;
    },
  });
})();

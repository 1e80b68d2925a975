// A sentence with values in it, in the language of the page: say("{done} of {all}", { done: 1, all: 2 }).
const say = (sentence, values) => _(sentence).replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);

// Opened from a folder, a page may not read other files: search lists titles without excerpts, and a notebook is
// saved from the copy that its link carries, which the browser would otherwise show as text.
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("a[data-offline]").forEach((link) => (link.href = link.dataset.offline));
  });
}

document.addEventListener("DOMContentLoaded", () => {
  // The logo stands outside every landmark of the page.
  const logo = document.querySelector(".navbar-brand.logo")?.parentElement;
  logo?.setAttribute("role", "region");
  logo?.setAttribute("aria-label", _("Site logo"));
  // A formula wider than the page scrolls; the keyboard must reach it.
  const reach = () => document.querySelectorAll("div.math").forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
  reach();
  addEventListener("resize", reach);
  document.fonts?.ready.then(reach);
});

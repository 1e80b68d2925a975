// Opened from a folder, a page may not read other files: search lists titles without excerpts, and a notebook is
// saved from the copy that its link carries, which the browser would otherwise show as text.
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("a[data-offline]").forEach((link) => (link.href = link.dataset.offline));
  });
}

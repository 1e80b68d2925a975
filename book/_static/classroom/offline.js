/* Have the browser keep this page and what its exercises run on, for where there is no network. */
const BASE = new URL(".", import.meta.url);
const MODULES = ["card.js", "runner.js", "report.js", "store.js", "notebook.js", "cells.js", "offline.js", "editor.js",
  "worker.js", "classroom.json"];

const post = async (addresses) => {
  try {
    const registered = await navigator.serviceWorker.register(new URL("../../sw.js", BASE));
    const { active } = (await navigator.serviceWorker.ready) ?? registered;
    active.postMessage({ keep: [...new Set(addresses.map((address) => new URL(address, BASE).href.split("#")[0]))] });
  } catch {} // a browser that keeps nothing: the site works with the network alone
};

export const keepPage = () => {
  const own = performance.getEntriesByType("resource").map((entry) => entry.name)
    .filter((name) => name.startsWith(location.origin));
  return post([location.href, ...own, ...MODULES]);
};

export const keepPython = async () => {
  const response = await fetch(new URL("classroom.json", BASE)).catch(() => null);
  if (!response?.ok) return null;
  const { runtime, sizes, digest } = await response.json();
  const names = [...Object.keys(sizes).filter((name) => name !== "course.zip"), "pyodide-lock.json"];
  return post([`course.zip?v=${digest}`, ...names.map((name) => `${runtime}/${name}`)]);
};

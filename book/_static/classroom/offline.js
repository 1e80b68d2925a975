/* Have the browser keep this page and what its exercises run on, for where there is no network. */
const BASE = new URL(".", import.meta.url);
export const CACHE = "bncourse"; // of sw.js
const MODULES = ["card.js", "runner.js", "report.js", "store.js", "notebook.js", "cells.js", "offline.js", "editor.js",
  "compiled.js", "worker.js", "classroom.json"];

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

const COURSE = "course.zip";
const partsOfPython = ({ runtime, sizes, digest }) => {
  const names = [...Object.keys(sizes).filter((name) => name !== COURSE), "pyodide-lock.json"];
  return [`${COURSE}?v=${digest}`, ...names.map((name) => `${runtime}/${name}`)];
};

export const keepPython = async () => {
  const response = await fetch(new URL("classroom.json", BASE)).catch(() => null);
  return response?.ok ? post(partsOfPython(await response.json())) : null;
};

/* Whether all that Python is made of is here. Where it never was, nothing is asked of the site, its manifest neither. */
export const pythonIsHere = async (manifest) => {
  try {
    if (!(await caches.has(CACHE))) return false;
    const kept = new Set((await (await caches.open(CACHE)).keys()).map(({ url }) => url));
    const course = new URL(COURSE, BASE).href;
    if (![...kept].some((url) => url.startsWith(course))) return false;
    return partsOfPython(await manifest()).every((name) => kept.has(new URL(name, BASE).href));
  } catch {
    return false; // storage is blocked, or the page came by plain http
  }
};

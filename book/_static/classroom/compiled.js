/* Python's modules as this browser compiled them at an earlier visit, in two zips: most of its start is compiling. They belong
   to one version of Python and of the course, and are made of nothing of the reader's. */
import { CACHE } from "./offline.js";

const NAMES = ["compiled_library.zip", "compiled_modules.zip"];
const addresses = ({ runtime, digest }) =>
  NAMES.map((name) => new URL(`${runtime}/${name}?v=${digest}`, import.meta.url).href);

const kept = async (manifest) => {
  try {
    if (!(await caches.has(CACHE))) return null;
    const cache = await caches.open(CACHE);
    const found = await Promise.all(addresses(manifest).map((address) => cache.match(address)));
    return found.every(Boolean) ? found : null;
  } catch {
    return null; // storage is blocked, or the page came by plain http
  }
};

export const isKept = async (manifest) => (await kept(manifest)) !== null;

export const read = async (manifest) => {
  const found = await kept(manifest);
  return found && Promise.all(found.map((response) => response.arrayBuffer()));
};

export const drop = async (manifest) => {
  const cache = await caches.open(CACHE);
  return Promise.all(addresses(manifest).map((address) => cache.delete(address, { ignoreSearch: true })));
};

export const write = async (manifest, zips) => {
  if (!zips) return;
  await drop(manifest); // of an older build
  const cache = await caches.open(CACHE);
  const type = { headers: { "Content-Type": "application/zip" } };
  await Promise.all(addresses(manifest).map((address, place) => cache.put(address, new Response(zips[place], type))));
};

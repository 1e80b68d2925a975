/* The site without a network: what was opened is kept, and shown where the network gives nothing. What is there is
   always preferred, so that no page is older than the site; only files whose address changes with their content are
   taken from here at once. It is registered when a reader first opens an exercise. */
const CACHE = "bncourse";
const forGood = (url) => url.searchParams.has("v") || /\/pyodide-[\d.]+\//.test(url.pathname);

const keep = async (request, response) => {
  const cache = await caches.open(CACHE);
  const url = new URL(request.url ?? request, self.location);
  if (url.searchParams.has("v")) { // of an older build
    for (const kept of await cache.keys(url.href, { ignoreSearch: true })) {
      if (kept.url !== url.href) await cache.delete(kept);
    }
  }
  await cache.put(request, response).catch(() => {}); // where storage is full, as before
};

/* Code that a reader runs in a worker may ask for anything of this site; only what Python is made of is kept of it. */
const isWanted = async (event, url) => {
  const client = event.clientId && (await self.clients.get(event.clientId));
  return client?.type !== "worker" || /\/classroom\/(pyodide-[\d.]+\/|course\.zip)/.test(url.pathname);
};

const answer = async (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const kept = await caches.match(request);
  if (kept && forGood(url)) return kept;
  try {
    const response = await fetch(request.mode === "navigate" ? request : new Request(request, { cache: "no-cache" }));
    const wanted = response.ok && response.status !== 206 && await isWanted(event, url);
    if (wanted) event.waitUntil(keep(request, response.clone())); // while the page reads
    return response;
  } catch {
    const older = kept ?? (await caches.match(request, { ignoreSearch: true }));
    if (older) return older;
    if (request.mode !== "navigate") return Response.error();
    const text = "<!doctype html><meta name=viewport content='width=device-width'><title>Not kept</title><p>There is no " +
      "network, and this page was not opened before. <a href='javascript:history.back()'>Back</a>";
    return new Response(text, { status: 503, headers: { "Content-Type": "text/html; charset=utf-8" } });
  }
};

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === self.location.origin) {
    event.respondWith(answer(event));
  }
});
// What a page loaded before this was there.
self.addEventListener("message", (event) => event.waitUntil((async () => {
  const cache = await caches.open(CACHE);
  for (const address of event.data.keep) {
    const own = new URL(address, self.location).origin === self.location.origin;
    if (!own || (await cache.match(address))) continue;
    const response = await fetch(address).catch(() => null);
    if (response?.ok) await keep(address, response);
  }
})()));

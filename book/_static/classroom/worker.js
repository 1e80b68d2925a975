/* Python, and the course's checks, in a worker of the page's. It answers on the port that comes with its first message;
   what the reader's code does here ends with the worker. */
const KEPT = ["fetch", "XMLHttpRequest", "WebSocket", "WebSocketStream", "EventSource", "WebTransport", "importScripts",
  "Worker", "SharedWorker", "BroadcastChannel", "indexedDB", "caches", "postMessage", "close"];

self.onmessage = ({ data, ports: [port] }) => {
  self.onmessage = null;
  let course, python, inHurry;

  // The reader sees how much of what is loaded has come, in bytes.
  const load = async ({ base, runtime, sizes, digest, compiled }) => {
    const total = Object.values(sizes).reduce((sum, size) => sum + size);
    let loaded = 0, told = 0;
    const count = (bytes) => {
      loaded = Math.min(total, loaded + bytes);
      if (performance.now() - told < 100 && loaded < total) return;
      told = performance.now();
      port.postMessage({ loaded, total });
    };
    const plain = self.fetch.bind(self);
    // Pyodide waits for ever where its core breaks off.
    const broken = () => port.postMessage({ problem: "the connection broke off; Check tries again" });
    self.fetch = async (address, options) => {
      const isLibrary = compiled && String(address).endsWith("/python_stdlib.zip");
      const response = isLibrary ? new Response(compiled[0])
        : await plain(address, options).catch((error) => { broken(); throw error; });
      if (!response.ok) {
        port.postMessage({ problem: `${new URL(response.url).pathname} is not there (${response.status})` });
        throw new Error(response.status);
      }
      // Counted on a copy: of a response as it came the browser keeps the compiled form, for the next visit.
      response.clone().body.pipeTo(new WritableStream({ write(chunk) { count(chunk.length); } })).catch(broken);
      return response;
    };
    const folder = `${base}${runtime}/`;
    const zip = self.fetch(`${base}course.zip?v=${digest}`).then((response) => response.arrayBuffer());
    const { loadPyodide } = await import(`${folder}pyodide.mjs`);
    python = await loadPyodide({
      indexURL: folder, packages: ["numpy"], stdout: () => {}, stderr: () => {},
    });
    python.unpackArchive(await zip, "zip", { extractDir: "/course" });
    if (compiled) python.unpackArchive(compiled[1], "zip", { extractDir: "/" });
    python.runPython("import sys; sys.path.insert(0, '/course'); import bncourse.checking.properties");
    course = python.pyimport("bncourse.publishing.browser");
    // The reader's code sends nothing anywhere, and starts nothing that could. What the page allows limits it too.
    for (const name of KEPT) {
      for (let place = self; place; place = Object.getPrototypeOf(place)) {
        if (Object.hasOwn(place, name)) Object.defineProperty(place, name, { value: undefined });
      }
    }
    Object.defineProperty(WorkerNavigator.prototype, "serviceWorker", { value: undefined });
    return true;
  };

  const asks = {
    check: ({ exercise, notebook, tries, language = "en" }) =>
      JSON.parse(course.check(exercise, notebook, tries, () => port.postMessage({ beat: true }), language)),
    answers: ({ notebook, name }) => JSON.parse(course.answers_in(notebook, name)),
    run: ({ sources, own }) => JSON.parse(course.run(sources, own)),
    // Asked of a worker that has run nothing of the reader's; whoever wants it meanwhile need not wait for the end.
    compile: async () => {
      inHurry = false;
      for (const zips of python.pyimport("bncourse.publishing.bytecode").compiling()) {
        if (zips) return zips.toJs().map((zip) => zip.buffer);
        port.postMessage({ beat: true });
        await new Promise((resolve) => { setTimeout(resolve); });
        if (inHurry) return null;
      }
    },
  };

  const answer = async (work) => {
    try {
      port.postMessage({ answer: await work(), memory: python._module.HEAP8.length });
    } catch (error) {
      const lines = String(error.message || error).trim().split("\n");
      port.postMessage({ problem: lines.at(-1).replace(/^[\w.]*CourseError: /, "") });
    }
  };
  port.onmessage = ({ data: request }) => {
    if (request.ask === "hurry") inHurry = true; else answer(() => asks[request.ask](request));
  };
  answer(() => load(data));
};

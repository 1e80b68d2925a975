/* Workers that run Python, started when they are needed. One serves one exercise only: what code changed in it, a spoilt
   check say, tells nothing of another. A spare one, which is loaded already, stands by for the next exercise. */
import * as compiled from "./compiled.js";
import { pythonIsHere } from "./offline.js";

const BASE = new URL(".", import.meta.url).href;
const MEMORY = 5e8; // bytes
const SECONDS = 30; // without a sign of life, after which the worker is ended

// From now on this page's code, and that of the workers it starts, reaches this site only.
const policy = document.createElement("meta");
policy.httpEquiv = "Content-Security-Policy";
policy.content = "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; " +
  "style-src 'self' 'unsafe-inline'";
document.head.append(policy);

let made; // what every worker is made of
let spare = null;
let serving = null; // { owner, line }

const parts = () => (made ??= gather().catch((error) => {
  made = undefined;
  throw error;
}));

const gather = async () => {
  const [response, worker] = await Promise.all(
    ["classroom.json", "worker.js"].map((name) => fetch(BASE + name, { cache: "no-cache" })),
  );
  if (!response.ok) {
    throw new Error(_("this site was built without Python for the browser; the chapter's notebook has the same exercises"));
  }
  return { manifest: await response.json(), source: await worker.text() };
};

/* A worker and the one question that it is asked at a time. */
class Line {
  constructor() {
    this.progress = () => {};
    this.last = Promise.resolve(); // of what it is asked, one after another
    this.ready = this.#start();
    this.ready.catch((error) => this.end(error.message)); // a spare one that failed serves nobody
  }

  async #start() {
    const { manifest, source } = await parts();
    if (this.ended) throw new Error("stopped");
    // From text of the page's own, a worker is bound by what the page allows its code to reach.
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.worker = new Worker(address, { type: "module" });
    URL.revokeObjectURL(address);
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.worker.onerror = () => this.end(_("its worker ended by itself; the memory may have been full"));
    const loaded = this.#reply();
    const before = await compiled.read(manifest);
    this.worker.postMessage({ base: BASE, ...manifest, compiled: before }, [port2, ...(before ?? [])]);
    if (before) loaded.catch(() => compiled.drop(manifest)); // so that the next one does without
    return loaded;
  }

  #reply() {
    return new Promise((resolve, reject) => {
      this.fail = reject;
      this.port.onmessage = ({ data }) => {
        if (data.beat) this.wait();
        else if (data.loaded) this.progress(data);
        else if (data.problem) reject(new Error(data.problem));
        else resolve(data.answer);
        if (data.memory > MEMORY) this.end(_("its memory is full")); // which a worker never gives back
      };
    });
  }

  ask(request) {
    if (this.asked) this.port.postMessage({ ask: "hurry" });
    const answer = this.last.then(() => this.#ask(request));
    this.last = answer.catch(() => {});
    return answer;
  }

  async #ask(request) {
    if (this.ended) throw new Error("stopped");
    const reply = this.#reply();
    this.asked = true;
    this.wait();
    this.port.postMessage(request);
    try {
      return await reply;
    } finally {
      this.asked = false;
      clearTimeout(this.late);
    }
  }

  wait() {
    clearTimeout(this.late);
    if (!this.asked) return;
    const told = say("still running after {seconds} s; is there a loop that never ends?", { seconds: SECONDS });
    this.late = setTimeout(() => this.end(told), SECONDS * 1000);
  }

  end(reason) {
    this.ended = true;
    this.worker?.terminate();
    this.fail?.(new Error(reason));
    if (spare === this) spare = null;
    if (serving?.line === this) serving = null;
  }
}

// In a page that was left, and may be shown again as it was, workers stand still: that time does not count.
addEventListener("pagehide", () => clearTimeout(serving?.line.late));
addEventListener("pageshow", () => serving?.line.wait());

const lineFor = (owner) => {
  if (serving?.owner === owner) return serving.line;
  serving?.line.end(_("another exercise is being checked"));
  const line = spare ?? new Line();
  spare = null;
  serving = { owner, line };
  return line;
};

/* What the worker answers to a request for an exercise; an Error whose message the reader may read. */
export const ask = async (owner, request, { progress = () => {}, running = () => {} } = {}) => {
  const line = lineFor(owner);
  line.progress = progress;
  try {
    await line.ready;
  } catch (error) {
    line.end(error.message);
    throw error;
  }
  running();
  try {
    return await line.ask(request);
  } finally {
    if (!spare && !line.ended && (navigator.deviceMemory ?? 8) >= 4) compile(spare = new Line());
  }
};

/* What a worker has compiled for its own start is kept for the next visit, while nobody wants it for anything else. */
const compile = async (line) => {
  try {
    await line.ready;
    const { manifest } = await parts();
    if (line === spare && !(await compiled.isKept(manifest))) await compiled.write(manifest, await line.ask({ ask: "compile" }));
  } catch {} // the next visit is as this one
};

/* A worker ahead of the first check, for who begins to write. It comes from what an earlier check left in this browser:
   before the reader asks for it, nothing large is fetched. */
export const prepare = async () => {
  const isThere = () => spare || serving;
  if (isThere() || navigator.connection?.saveData) return;
  if (await pythonIsHere(async () => (await parts()).manifest) && !isThere()) spare = new Line();
};

export const stop = () => serving?.line.end("stopped");

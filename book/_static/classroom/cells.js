/* A small cell of a page, changed and run where it stands. What the reader has written for the exercises of the page runs
   first, then the cells above, as they now are. */
import { ask, stop } from "./runner.js";
import { read } from "./store.js";
import { button, edited } from "./card.js";

let opened = 0;
const editors = new Map(); // cell -> its text as it now is
const cellsOfPage = () => [...document.querySelectorAll("div.cell.tag_run")];
const textOf = (cell) => editors.get(cell)?.() ?? cell.querySelector(".cell_input pre").textContent;

const ownAnswers = () => [...document.querySelectorAll("details.exercise[data-answer]")]
  .map((card) => read(card.dataset.exercise).text).filter((text) => text !== undefined);

const told = ({ printed, error }) => {
  const missing = /^(a cell above stops: )?NameError: name '(\w+)'/.exec(error);
  const way = missing && [...document.querySelectorAll("details.exercise[data-answer] .stub")]
    .find((stub) => stub.textContent.includes(`def ${missing[2]}(`))?.closest("details").dataset.exercise;
  const yours = way && say("It is yours to write: exercise {exercise}, below.", { exercise: way });
  const more = way ? `\n${yours}` : "";
  return [printed.trimEnd(), error && error + more].filter(Boolean).join("\n") || _("(it prints nothing)");
};

export const open = async (cell, start) => {
  const pre = cell.querySelector(".cell_input pre"), original = pre.textContent;
  const parent = document.createElement("div"), tools = document.createElement("div");
  const output = document.createElement("pre"), status = document.createElement("p");
  const keys = document.createElement("p");
  output.className = "cell-result";
  status.className = "status";
  for (const part of [output, status]) part.setAttribute("role", "status");
  keys.id = `cell-${opened += 1}-keys`;
  keys.className = "keys";
  keys.textContent = _("Shift + Enter runs it. Escape, then Tab, leaves the editor.");
  tools.className = "tools";
  let busy = false;

  const run = async () => {
    if (busy) return;
    busy = true;
    running.setAttribute("aria-disabled", "true");
    status.textContent = _("Loading Python …");
    try {
      const place = cellsOfPage().indexOf(cell);
      const own = ownAnswers(); // where one of them fails, what needs it says so
      const sources = ["import numpy as np", ...own, ...cellsOfPage().slice(0, place + 1).map(textOf)];
      const outcome = await ask("cells", { ask: "run", sources, own: own.length }, {
        progress: ({ loaded, total }) => {
          status.textContent = say("Loading Python: {loaded} of {total} MB", { loaded: (loaded / 1e6).toFixed(1), total: (total / 1e6).toFixed(1) });
        },
        running: () => { status.textContent = _("Running …"); },
      });
      output.textContent = told(outcome);
      cell.querySelector(".cell_output")?.setAttribute("hidden", "");
      status.textContent = "";
    } catch (error) {
      status.textContent = error.message === "stopped" ? _("Stopped.") : say("Not run: {why}", { why: error.message });
    }
    busy = false;
    running.setAttribute("aria-disabled", "false");
  };
  const running = button(_("Run"), run, "primary");
  const resetting = button(_("Reset"), () => {
    editor.set(original);
    output.textContent = "";
    cell.querySelector(".cell_output")?.removeAttribute("hidden");
  });
  tools.append(running, button(_("Stop"), () => busy && stop()), resetting);
  const editor = await edited({
    parent, text: original.replace(/\n$/, ""), label: _("This cell's code"), describedBy: keys.id, onChange: () => {}, onRun: run,
  });
  editors.set(cell, () => editor.text());
  pre.closest(".cell_input").hidden = true;
  const box = document.createElement("div");
  box.className = "exercise live-cell";
  box.append(parent, keys, tools, status, output);
  pre.closest(".cell_input").after(box);
  start.remove();
  editor.focus();
  run();
};

/* An exercise in the page: editor, Check, Stop, Reset, report. Loaded when the first one is opened. */
import { ask, prepare, stop } from "./runner.js";
import { keepPage, keepPython } from "./offline.js";
import { download, filled } from "./notebook.js";
import { shown } from "./report.js";
import { key, read, write } from "./store.js";

const cards = new Map(); // exercise -> { set, text }
let pythonIsKept = false;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const LARGEST = 2e7; // bytes of a notebook

/* The editor, or a plain field where it cannot be had. */
export const edited = async (options) => {
  // A slash elsewhere on the page begins a search.
  options.parent.addEventListener("keydown", (event) => event.key === "/" && event.stopPropagation());
  try {
    const { createEditor } = await import("./editor.js");
    return createEditor(options);
  } catch {
    const field = document.createElement("textarea");
    field.value = options.text;
    field.rows = options.text.split("\n").length + 4;
    field.setAttribute("aria-label", options.label);
    field.setAttribute("aria-describedby", options.describedBy);
    field.spellcheck = false;
    field.addEventListener("input", () => options.onChange(field.value));
    options.parent.append(field);
    const set = (text) => { field.value = text; };
    return { text: () => field.value, set, focus: () => field.focus() };
  }
};

export const button = (text, act, ...classes) => {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.classList.add(...classes);
  made.addEventListener("click", act);
  return made;
};

export const open = async (card) => {
  const { exercise, chapter, answer } = card.dataset;
  if (cards.has(exercise)) return;
  cards.set(exercise, null);
  const stub = card.querySelector(".stub").textContent;
  const parent = card.querySelector(".editor"), result = card.querySelector(".result");
  const status = card.querySelector(".status"), amount = card.querySelector(".amount"), tools = card.querySelector(".tools");
  const kept = card.querySelector(".kept");
  let busy = false, before = null, waiting = 0;

  const keep = (text) => {
    clearTimeout(waiting);
    const same = text === stub && read(exercise).text === undefined;
    if (!same && !write(exercise, { text })) {
      kept.textContent = _("This browser keeps nothing: download the notebook before you leave the page.");
    }
  };
  const editor = await edited({
    parent, text: read(exercise).text ?? stub, label: say("Your answer to exercise {exercise}", { exercise }),
    describedBy: `${card.id}-keys`, onRun: () => check(),
    onChange: () => {
      if (before !== null && editor.text() !== stub) [before, resetting.textContent] = [null, _("Reset")];
      clearTimeout(waiting);
      waiting = setTimeout(() => keep(editor.text()), 300);
    },
  });
  cards.set(exercise, { set: (text) => editor.set(text), text: () => editor.text() });
  addEventListener("pagehide", () => keep(editor.text()));
  // A page that comes back as it was left may have been overtaken.
  addEventListener("pageshow", ({ persisted }) => {
    const { text } = read(exercise);
    if (persisted && text !== undefined && text !== editor.text()) editor.set(text);
  });
  addEventListener("storage", (event) => {
    const { text } = event.key === key(exercise) ? read(exercise) : {};
    const writing = document.hasFocus() && parent.contains(document.activeElement);
    if (text !== undefined && text !== editor.text() && !writing) editor.set(text);
  });

  const tell = (text) => {
    if (status.textContent !== text) status.textContent = text; // which is read aloud; how far it is, is not
    amount.replaceChildren();
  };
  const count = ({ loaded, total }) => {
    const bar = document.createElement("progress");
    bar.max = total;
    bar.value = loaded;
    amount.replaceChildren(say("{loaded} of {total} ", { loaded: megabytes(loaded), total: megabytes(total) }), bar);
  };

  const check = async () => {
    if (busy) return;
    busy = true;
    checking.setAttribute("aria-disabled", "true"); // `disabled` would take the focus away
    stopping.setAttribute("aria-disabled", "false");
    const text = editor.text();
    keep(text);
    tell(_("Loading Python …"));
    result.replaceChildren();
    try {
      const notebook = await filled(chapter, { [answer]: text });
      const tries = read(exercise).tries ?? 0;
      const verdict = await ask(exercise, { ask: "check", exercise, notebook, tries, language: document.documentElement.lang || "en" }, {
        progress: count,
        running: () => tell(_("Checking …")),
      });
      const solved = verdict.status === "solved" && text === editor.text(); // not of what was written meanwhile
      const failed = verdict.status === "failed" || verdict.status === "error";
      write(exercise, { tries: tries + failed, solved: solved || undefined });
      const told = shown(verdict.report);
      result.replaceChildren(told);
      if (told.scrollWidth > told.clientWidth) told.tabIndex = 0; // the keyboard must reach what scrolls
      card.classList.toggle("solved", solved);
      if (!pythonIsKept) keepPython();
      pythonIsKept = true;
      card.dispatchEvent(new CustomEvent("checked", { bubbles: true, detail: verdict }));
      tell("");
    } catch (error) {
      tell(error.message === "stopped" ? _("Stopped. Nothing you wrote is lost.") : say("Not checked: {why}", { why: error.message }));
    }
    busy = false;
    checking.setAttribute("aria-disabled", "false");
    stopping.setAttribute("aria-disabled", "true");
  };

  const checking = button(_("Check"), check, "primary");
  const stopping = button(_("Stop"), () => busy && stop());
  stopping.setAttribute("aria-disabled", "true");
  const resetting = button(_("Reset"), () => {
    const text = before ?? stub;
    before = before === null ? editor.text() : null;
    editor.set(text);
    resetting.textContent = before === null ? _("Reset") : _("Undo reset");
    keep(editor.text());
    editor.focus();
  });
  tools.replaceChildren(checking, stopping, resetting);
  for (const event of ["focusin", "input"]) parent.addEventListener(event, prepare);
  checking.addEventListener("pointerenter", prepare);
  for (const part of [tools, parent, card.querySelector(".keys")]) part.hidden = false;
  card.querySelector(".stub").hidden = true;
  if (cards.size === 1) keepPage();
};

/* The chapter's notebook, with these answers, out of the page and into it. */
export const exchange = (place) => {
  const { chapter } = place.dataset;
  const told = place.querySelector(".status");
  const written = () => Object.fromEntries(
    [...document.querySelectorAll("details.exercise[data-answer]")]
      .map((card) => [card.dataset.answer, cards.get(card.dataset.exercise)?.text()])
      .filter(([, text]) => text !== undefined),
  );
  const save = button(_("Download my notebook"), async () => {
    try {
      download(await filled(chapter, written()), `${chapter}.ipynb`);
    } catch (error) {
      told.textContent = error.message;
    }
  });
  const file = document.createElement("input");
  file.type = "file";
  file.accept = ".ipynb";
  file.hidden = true;
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    told.textContent = say("Reading {file} …", { file: chosen.name });
    try {
      if (chosen.size > LARGEST) throw new Error(say("{file} is too large: more than {size}", { file: chosen.name, size: megabytes(LARGEST) }));
      const request = { ask: "answers", notebook: await chosen.text(), name: chosen.name };
      const found = await ask("a notebook", request);
      if (found.chapter !== chapter) throw new Error(say("{file} is of chapter {chapter}", { file: chosen.name, chapter: found.chapter }));
      told.textContent = take(found.answers, chosen.name);
    } catch (error) {
      told.textContent = error.message;
    }
    file.value = "";
  });
  place.append(save, button(_("Load a notebook"), () => file.click()), file, told);
};

const take = (answers, name) => {
  const changed = [...document.querySelectorAll("details.exercise[data-answer]")].filter((card) => {
    const text = answers[card.dataset.answer];
    return text !== undefined && text !== (read(card.dataset.exercise).text ?? card.querySelector(".stub").textContent);
  });
  const ids = changed.map((card) => card.dataset.exercise);
  const lost = ids.filter((id) => read(id).text !== undefined);
  if (lost.length && !confirm(say("Replace what you wrote for {lost} by what {file} holds?", { lost: lost.join(", "), file: name }))) return _("Nothing changed.");
  for (const card of changed) {
    const text = answers[card.dataset.answer];
    write(card.dataset.exercise, { text, solved: undefined });
    cards.get(card.dataset.exercise)?.set(text);
    card.classList.remove("solved");
    card.querySelector(".result").replaceChildren();
  }
  return ids.length ? say("Loaded: {exercises}.", { exercises: ids.join(", ") }) : say("{file} holds what is here already.", { file: name });
};

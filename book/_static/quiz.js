/* Questions and exercises in a page, and the map of the course. What was answered stays in the reader's browser. */
(() => {
  "use strict";
  const KEY = "bncourse-answered";

  // Storage may be blocked or full: then answers last as long as the page.
  let memory = {};
  const answered = () => {
    try {
      const stored = JSON.parse(localStorage.getItem(KEY));
      return stored && typeof stored === "object" ? stored : memory;
    } catch {
      return memory;
    }
  };
  const remember = (id) => {
    memory = { ...answered(), [id]: true };
    try {
      localStorage.setItem(KEY, JSON.stringify(memory));
    } catch {}
  };

  // With scripts the reasons stay hidden; that of the chosen answer is told below.
  const show = (form, chosen, before) => {
    const right = chosen.value === form.dataset.right;
    for (const answer of form.querySelectorAll(".answer")) {
      answer.classList.toggle("told", answer.contains(chosen));
    }
    form.classList.toggle("solved", right);
    const verdict = document.createElement("strong");
    verdict.textContent = before || (right ? _("Right. ") : _("Not this one. "));
    const why = document.getElementById(`${chosen.id}-why`).cloneNode(true).childNodes;
    form.querySelector("output").replaceChildren(verdict, ...why);
    return right;
  };

  const prepare = (form) => {
    const id = `${form.dataset.page}/${form.id.replace(/^quiz-/, "")}`;
    const result = form.querySelector("output");
    form.querySelector("button").hidden = false;
    for (const why of form.querySelectorAll(".why")) why.hidden = true;
    form.querySelector(".mark").remove();
    if (answered()[id]) {
      const right = form.querySelector(`input[value="${form.dataset.right}"]`);
      right.checked = true;
      show(form, right, _("Answered before. "));
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = form.querySelector("input:checked");
      if (!chosen) {
        result.textContent = _("Choose an answer first.");
        return;
      }
      if (show(form, chosen)) remember(id);
    });
  };

  const solved = (exercise) => {
    try {
      return JSON.parse(localStorage.getItem(`bncourse-answer-${exercise}`))?.solved === true;
    } catch {
      return false;
    }
  };

  const fill = (place) => {
    const names = JSON.parse(place.dataset.quizzes), exercises = JSON.parse(place.dataset.exercises);
    const done = names.filter((name) => answered()[`${place.dataset.page}/${name}`]).length;
    const right = exercises.filter(solved).length;
    const told = names.length ? [say("{done} of {all} questions answered", { done, all: names.length })] : [];
    if (exercises.length) told.push(say("{right} of {all} exercises solved here", { right, all: exercises.length }));
    place.textContent = told.join(_(", "));
    place.classList.toggle("complete", done === names.length && right === exercises.length);
  };

  // The editor and Python come when an exercise is opened, and checked; before that, an exercise is text.
  const folder = new URL("classroom/", document.currentScript.src);
  const offer = (card) => {
    card.querySelector(".no-script").remove();
    card.classList.toggle("solved", solved(card.dataset.exercise));
    card.addEventListener("toggle", async () => {
      if (!card.open) return;
      if (location.protocol === "file:") {
        card.querySelector(".status").textContent =
          _("In a page opened from a folder, browsers run no Python: make serve shows this site where they do.");
        return;
      }
      try {
        const { open, exchange } = await import(new URL("card.js", folder));
        for (const place of document.querySelectorAll(".exchange[hidden]")) {
          place.hidden = false;
          exchange(place);
        }
        await open(card);
      } catch {
        card.querySelector(".status").textContent = _("The editor could not be loaded: close this exercise and open it again.");
      }
    });
    const named = () => { if (location.hash === `#${card.id}`) card.open = true; };
    addEventListener("hashchange", named);
    named();
  };

  const runnable = (cell) => {
    const start = document.createElement("button");
    start.type = "button";
    start.className = "run-cell";
    start.textContent = _("Change and run");
    start.addEventListener("click", async () => {
      start.disabled = true; // a second click would open a second editor
      try {
        await (await import(new URL("cells.js", folder))).open(cell, start);
      } catch {
        start.disabled = false;
        start.textContent = _("The editor could not be loaded: try again");
      }
    });
    cell.querySelector(".cell_input").after(start);
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("form.quiz").forEach(prepare);
    const fillAll = () => document.querySelectorAll(".answered").forEach(fill);
    addEventListener("pageshow", ({ persisted }) => persisted && fillAll());
    addEventListener("storage", fillAll); // another tab, or the page before this one, has just stored an answer
    fillAll();
    document.querySelectorAll("details.exercise[data-answer]").forEach(offer);
    if (location.protocol !== "file:") document.querySelectorAll("div.cell.tag_run").forEach(runnable);
  });
})();

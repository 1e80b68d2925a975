/* Questions in a page, and the map of the course. What was answered stays in the reader's browser. */
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
    verdict.textContent = before || (right ? "Right. " : "Not this one. ");
    const why = document.getElementById(`${chosen.id}-why`).cloneNode(true).childNodes;
    form.querySelector("output").replaceChildren(verdict, ...why);
    return right;
  };

  const prepare = (form) => {
    const id = `${form.dataset.page}/${form.id.replace(/^quiz-/, "")}`;
    const result = form.querySelector("output");
    form.querySelector("button").hidden = false;
    for (const why of form.querySelectorAll(".why")) why.hidden = true;
    if (answered()[id]) {
      const right = form.querySelector(`input[value="${form.dataset.right}"]`);
      right.checked = true;
      show(form, right, "Answered before. ");
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = form.querySelector("input:checked");
      if (!chosen) {
        result.textContent = "Choose an answer first.";
        return;
      }
      if (show(form, chosen)) remember(id);
    });
  };

  const fill = (place) => {
    const names = JSON.parse(place.dataset.quizzes);
    const done = names.filter((name) => answered()[`${place.dataset.page}/${name}`]).length;
    place.textContent = `${done} of ${names.length} questions answered`;
    place.classList.toggle("complete", done === names.length);
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("form.quiz").forEach(prepare);
    document.querySelectorAll(".answered").forEach(fill);
  });
})();

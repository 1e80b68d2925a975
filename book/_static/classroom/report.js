/* What the checks found, as the notebook tells it. All of it is text: the reader's code may have written it. */
const element = (name, text, ...children) => {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
};

const details = (rows) => {
  const table = element("table");
  for (const [name, value] of rows) {
    const heading = element("th", name.trim());
    heading.scope = "row";
    table.append(element("tr", "", heading, element("td", "", element("pre", value))));
  }
  return table;
};

export const shown = ({ title, solved, diagnosis, diagnosis_title, passed, failed, details: rows, hints }) => {
  const box = element("div", "", element("p", "", element("strong", title)));
  box.className = solved ? "report solved" : "report";
  if (diagnosis) box.append(element("p", "", element("strong", `${diagnosis_title}: `), diagnosis));
  const list = element("ul");
  failed.forEach((statement, place) => {
    const item = element("li", `✗ ${statement}`);
    if (place === 0 && rows.length) item.append(details(rows));
    list.append(item);
  });
  for (const statement of passed) list.append(element("li", `✓ ${statement}`));
  if (list.children.length) box.append(list);
  hints.forEach((hint, place) => {
    box.append(element("details", "", element("summary", say("Hint {number}", { number: place + 1 })), element("p", hint)));
  });
  return box;
};

/* The reader's answers, in this browser: one entry an exercise, so that two pages open at once do not undo each other. */
const PREFIX = "bncourse-answer-";
const memory = new Map(); // where storage is blocked or full, as long as the page

export const key = (id) => PREFIX + id;

/* { text, tries, solved } of an exercise, as far as there is any. */
export const read = (id) => {
  if (memory.has(id)) return memory.get(id);
  try {
    const { text, tries, solved } = JSON.parse(localStorage.getItem(key(id))) ?? {};
    return {
      ...(typeof text === "string" && { text }), ...(Number.isSafeInteger(tries) && tries > 0 && { tries }),
      ...(solved === true && { solved }),
    };
  } catch {
    return {};
  }
};

/* Whether the browser keeps it; where it does not, the page itself stands in for its storage. */
export const write = (id, changes) => {
  const entry = { ...read(id), ...changes };
  try {
    localStorage.setItem(key(id), JSON.stringify(entry));
    memory.delete(id);
    return !localStorage.keepsNothing;
  } catch {
    memory.set(id, entry);
    return false;
  }
};

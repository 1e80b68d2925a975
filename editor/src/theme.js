// How the editor looks. The colours of the code are those of the pages' code; tests/course/test_editor.py computes
// their contrast. They are variables that follow the site's <html data-theme>, so nobody has to tell the editor.
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

import colours from "./colours.json";

const colour = (name) => `var(--editor-${name})`;
const variables = (scheme) =>
  Object.fromEntries(Object.entries(colours[scheme]).map(([name, value]) => [`--editor-${name}`, value]));

const frame = EditorView.theme({
  "&": {
    ...variables("light"),
    color: colour("text"),
    backgroundColor: colour("background"),
    border: `1px solid ${colour("border")}`,
    borderRadius: "0.25rem",
    fontSize: "0.875rem",
  },
  "html[data-theme=dark] &": variables("dark"),
  "&.cm-focused": { outline: `2px solid ${colour("focus")}` },
  ".cm-scroller": { fontFamily: "var(--pst-font-family-monospace, monospace)", lineHeight: "1.5" },
  ".cm-content": { caretColor: colour("text") },
  ".cm-content ::selection": { backgroundColor: colour("selection") },
  ".cm-gutters": { color: colour("line-number"), backgroundColor: colour("background"), border: "none" },
  // A frame, since a tint would take contrast from the bracket.
  ".cm-matchingBracket, .cm-nonmatchingBracket": { outline: "1px solid currentcolor" },
  "&.cm-focused .cm-matchingBracket, &.cm-focused .cm-nonmatchingBracket": { backgroundColor: "transparent" },
  // Phones enlarge the whole page when text smaller than this is edited.
  "@media (pointer: coarse)": { ".cm-scroller": { fontSize: "max(16px, 1rem)" } },
});

const code = HighlightStyle.define([
  { tag: tags.comment, color: colour("comment") },
  { tag: [tags.keyword, tags.bool, tags.null], color: colour("keyword") },
  { tag: tags.string, color: colour("string") },
  { tag: [tags.number, tags.meta], color: colour("number") },
  {
    tag: [tags.function(tags.definition(tags.variableName)), tags.definition(tags.className)],
    color: colour("definition"),
  },
]);

export const theme = [frame, syntaxHighlighting(code)];

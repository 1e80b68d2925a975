// The code editor of the exercise cards: CodeMirror with what a Python exercise needs, and nothing else.
import { defaultKeymap, history, historyKeymap, indentWithTab, isolateHistory } from "@codemirror/commands";
import { pythonLanguage } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";

import { theme } from "./theme.js";

const INDENT = "    ";

// After Escape, Tab leaves the editor until another key is pressed; CodeMirror's own two seconds are short for some.
const noFocusTrap = [
  keymap.of([{ key: "Escape", run: (view) => (view.setTabFocusMode(Infinity), true) }]),
  EditorView.domEventHandlers({ blur: (event, view) => view.setTabFocusMode(0) }),
];

const runKeys = (run) => ["Shift-Enter", "Ctrl-Enter", "Cmd-Enter"].map((key) => ({ key, run: () => (run(), true) }));

/**
 * Put an editor into `parent`, an element of the page.
 *
 * `label` names it for screen readers. `describedBy` is the id of the text that says that Tab indents, and that Escape
 * and then Tab leave. `onChange(text)` is called after every change, those by `set` too; `onRun()` on Shift-Enter and
 * Ctrl- or Cmd-Enter. It follows the site's light and dark by itself. `set` can be undone by the reader.
 */
export function createEditor({ parent, text = "", label, describedBy, onChange, onRun }) {
  const view = new EditorView({
    parent,
    doc: text,
    extensions: [
      onRun ? keymap.of(runKeys(onRun)) : [],
      noFocusTrap,
      keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
      history(),
      pythonLanguage,
      EditorState.tabSize.of(INDENT.length),
      indentUnit.of(INDENT),
      indentOnInput(),
      bracketMatching(),
      lineNumbers(),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({
        "aria-label": label,
        ...(describedBy && { "aria-describedby": describedBy }),
        autocapitalize: "off",
      }),
      EditorView.updateListener.of((update) => update.docChanged && onChange?.(update.state.doc.toString())),
      theme,
    ],
  });
  return {
    text: () => view.state.doc.toString(),
    set: (content) =>
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: content },
        annotations: isolateHistory.of("full"), // undone alone, and not with what was typed just before
      }),
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}

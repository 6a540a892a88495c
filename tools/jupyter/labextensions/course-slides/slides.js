// What jupyterlab-rise 0.43 lacks to teach with; tests/browser/test_present.py says whether it is still needed.

// Shift+Enter runs the selected cell and selects the next one if it is on the same slide. RISE would go on to the next
// slide, away from the output.
function activate({ commands, name }) {
  commands.addCommand("course:run-on-slide", {
    execute() {
      const cells = [...document.querySelectorAll("section.present section.present .jp-Cell:not(aside *)")];
      const at = cells.findIndex((cell) => cell.classList.contains("jp-mod-active"));
      if (at < 0) return; // a slide without code: the selected cell is on another one
      // not "move-cursor-down", which passes over a cell whose code is hidden
      return commands.execute(at < cells.length - 1 ? "notebook:run-cell-and-select-next" : "notebook:run-cell");
    },
  });
  const deck = ".rise-enabled .jp-NotebookPanel.reveal .jp-Notebook.slides";
  for (const selector of [`${deck}.jp-mod-editMode`, `${deck}.jp-mod-commandMode:not(.jp-mod-readWrite) :focus`])
    commands.addKeyBinding({ command: "course:run-on-slide", keys: ["Shift Enter"], selector });
  if (name != "Rise") return;
  fitAlways();
  commands.commandExecuted.connect((_, { id }) => id == "RISE:notes-open" && writeNotes());
}

// A slide taller than the screen becomes smaller, as on the decks, down to 0.7; beyond that it scrolls.
function fit(slide) {
  for (let zoom = 1; zoom > 0.7; zoom *= 0.95) {
    slide.style.setProperty("--zoom", zoom);
    if (slide.scrollHeight <= slide.clientHeight) return;
  }
}

// Fits each slide whose cells change their size: when it is shown, and when an output comes.
function fitAlways() {
  const cells = document.querySelectorAll(".reveal section section .jp-Cell");
  if (!cells.length) return setTimeout(fitAlways, 500); // the slides are not made yet
  const sizes = new ResizeObserver((entries) =>
    new Set(entries.map(({ target }) => target.closest("section"))).forEach((slide) => fit(slide))
  );
  cells.forEach((cell) => sizes.observe(cell));
}

// The speaker's window copies the notes, and has no style sheet of JupyterLab's: it would show the source beside the
// text, the text folded, and no formula.
function writeNotes() {
  const formulas = document.createElement("style");
  const rules = document.getElementById("MJX-CHTML-styles")?.sheet.cssRules ?? [];
  formulas.textContent = Array.from(rules, (rule) => rule.cssText).join("\n");
  for (const notes of document.querySelectorAll("aside.notes")) {
    notes.querySelectorAll("style").forEach((old) => old.remove());
    notes.prepend(formulas.cloneNode(true));
    notes.querySelectorAll(".jp-Editor, summary").forEach((unread) => (unread.style.display = "none"));
    notes.querySelectorAll("details").forEach((folded) => (folded.open = true));
  }
}

window._JUPYTERLAB ??= {};
window._JUPYTERLAB["course-slides"] = {
  // ipywidgets asks for JupyterLab's consoles, which RISE does not have, and works without them
  // (https://github.com/jupyterlab-contrib/rise/issues/119).
  init(shared) {
    const none = async () => () => ({ IConsoleTracker: {} });
    shared["@jupyterlab/console"] ??= { "4.0.0": { get: none, from: "course-slides" } };
  },
  get: async () => () => ({ id: "course-slides:run", autoStart: true, activate }),
};

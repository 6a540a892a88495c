// Formulas that MathJax could not draw stay TeX source, and a line says so.
const typeset = (window.MathJax?.startup?.promise ?? Promise.reject()).catch(() => document.body.classList.add("untypeset"));

// Claims stand out, errata get their box.
document.querySelectorAll(".jp-RenderedText pre").forEach((pre) => {
  pre.innerHTML = pre.innerHTML.replace(/^✓ .*$/gm, (line) => `<span class="claim">${line}</span>`);
});
document.querySelectorAll("blockquote").forEach((quote) => {
  if (quote.textContent.trim().startsWith("Erratum")) quote.classList.add("erratum");
});

// A formula within a line that is wider than the line scrolls in a box of its own.
function boxWide() {
  document.querySelectorAll(".page mjx-container:not([display])").forEach((formula) => {
    formula.classList.remove("wide");
    formula.classList.toggle("wide", formula.offsetWidth > formula.closest("p, li, td, h2, h3, div").clientWidth);
  });
}
typeset.then(boxWide);
window.addEventListener("resize", boxWide);

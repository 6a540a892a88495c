// Formulas that MathJax could not draw stay TeX source, and a line says so.
const typeset = (window.MathJax?.startup?.promise ?? Promise.reject()).catch(() => document.body.classList.add("untypeset"));

// Claims stand out, errata get their box.
document.querySelectorAll(".jp-RenderedText pre").forEach((pre) => {
  pre.innerHTML = pre.innerHTML.replace(/^✓ .*$/gm, (line) => `<span class="claim">${line}</span>`);
});
document.querySelectorAll("blockquote").forEach((quote) => {
  if (quote.textContent.trim().startsWith("Erratum")) quote.classList.add("erratum");
});

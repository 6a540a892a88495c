// Formulas: $...$ and $$...$$, drawn as SVG by the MathJax that lies beside this page, without fonts;
// screen readers get MathML.
window.MathJax = {
  tex: { inlineMath: [["$", "$"]] },
  options: { enableMenu: false },
};

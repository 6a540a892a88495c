// Equations: $...$ and $$...$$, drawn by the MathJax that lies beside this page.
window.MathJax = {
  tex2jax: { inlineMath: [["$", "$"]], displayMath: [["$$", "$$"]], processEscapes: true, skipTags: ["script", "style", "pre", "code"] },
  "HTML-CSS": { availableFonts: ["STIX-Web", "TeX"], preferredFont: "STIX-Web", webFont: "STIX-Web", imageFont: null, linebreaks: { automatic: true } },
  CommonHTML: { linebreaks: { automatic: true } },
  messageStyle: "none",
  showMathMenu: false,
};

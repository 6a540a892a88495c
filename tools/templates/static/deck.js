// Start the deck, then fit each slide to 1280 x 720: code beside a narrow figure, above a wide one,
// and the whole slide a little smaller if it is still too tall.
const WIDTH = 1280, HEIGHT = 720, MARGIN = 32;

document.querySelectorAll(".jp-CodeCell").forEach((cell) => {
  const image = cell.querySelector("img");
  if (image && Number(image.getAttribute("width")) <= 800) cell.classList.add("beside");
});

const slides = [...document.querySelectorAll("section")].filter((section) => !section.querySelector("section"));
slides.forEach((section) => {
  const inner = document.createElement("div");
  inner.className = "fit";
  inner.append(...section.childNodes);
  section.append(inner);
});

// The largest scale at which the slide's content fits, as it is laid out now.
function shrink(inner) {
  for (let scale = 1; ; scale *= 0.95) {
    inner.style.width = `${(WIDTH - 2 * MARGIN) / scale}px`;
    inner.style.transform = `scale(${scale})`;
    if (inner.scrollHeight * scale <= HEIGHT - 2 * MARGIN || scale < 0.5) return scale;
  }
}

function fit(section) {
  const inner = section.querySelector(".fit");
  const cells = [...inner.querySelectorAll(".jp-CodeCell")].filter((cell) => cell.querySelector("img"));
  const turn = () => cells.forEach((cell) => cell.classList.toggle("beside"));
  let scale = shrink(inner);
  if (scale < 0.85 && cells.length) {
    turn(); // perhaps the other layout needs less height
    const other = shrink(inner);
    if (other > scale) scale = other;
    else turn(), shrink(inner);
  }
  section.dataset.scale = scale.toFixed(2);
  section.dataset.overflow = Math.max(0, Math.round(inner.scrollHeight * scale - (HEIGHT - 2 * MARGIN)));
}

function fitAll() {
  const hidden = [...document.querySelectorAll("section")].map((section) => [section, section.style.display]);
  hidden.forEach(([section]) => (section.style.display = "block"));
  slides.forEach(fit);
  hidden.forEach(([section, display]) => (section.style.display = display));
  document.body.dataset.fitted = "yes";
}

Reveal.initialize({
  width: WIDTH, height: HEIGHT, margin: 0, center: false, hash: true, slideNumber: "c/t",
  transition: "none", controls: true, progress: true, plugins: [RevealNotes],
}).then(() => MathJax.Hub.Queue(fitAll, () => Reveal.layout()));

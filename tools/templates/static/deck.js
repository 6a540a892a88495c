// Fit each slide to 1280 x 720: code beside a narrow figure, above a wide one, and the whole slide a
// little smaller if it is still too tall. Then start the deck: to print, reveal.js counts the pages of
// each slide as it starts.
const WIDTH = 1280, HEIGHT = 720;

document.querySelectorAll(".jp-CodeCell").forEach((cell) => {
  const image = cell.querySelector("img");
  if (image && Number(image.getAttribute("width")) <= 800) cell.classList.add("beside");
});

const slides = [...document.querySelectorAll("section")].filter((section) => !section.querySelector("section"));
slides[0].classList.add("opening");
slides.forEach((section) => {
  const inner = document.createElement("div");
  inner.append(...section.childNodes);
  section.append(inner);
});

// The largest scale at which the slide's content fits, as it is laid out now.
function shrink(section) {
  for (let scale = 1; ; scale *= 0.95) {
    section.firstChild.style.zoom = scale;
    if (section.offsetHeight <= HEIGHT || scale < 0.5) return scale;
  }
}

function fit(section) {
  const cells = [...section.querySelectorAll(".jp-CodeCell")].filter((cell) => cell.querySelector("img"));
  const turn = () => cells.forEach((cell) => cell.classList.toggle("beside"));
  let scale = shrink(section);
  if (scale < 0.85 && cells.length) {
    turn(); // perhaps the other layout needs less height
    const other = shrink(section);
    if (other > scale) scale = other;
    else turn(), shrink(section);
  }
  section.dataset.scale = scale.toFixed(2);
  section.dataset.overflow = section.offsetHeight - HEIGHT;
}

function fitAll() {
  const hidden = [...document.querySelectorAll("section")].map((section) => [section, section.style.display]);
  hidden.forEach(([section]) => (section.style.display = "block"));
  slides.forEach(fit);
  hidden.forEach(([section, display]) => (section.style.display = display));
  document.body.dataset.fitted = "yes";
}

// chromium --print-to-pdf waits for timers but not for frames, and reveal.js lays out its pages in frames.
if (location.search.includes("print-pdf")) window.requestAnimationFrame = (callback) => setTimeout(callback);

typeset.then(fitAll).then(() => Reveal.initialize({
  width: WIDTH, height: HEIGHT, margin: 0, center: false, hash: true, slideNumber: "c/t",
  transition: "none", controls: true, progress: true, pdfMaxPagesPerSlide: 1, plugins: [RevealNotes],
}));

// Fit each slide to 1280 x 720: of the ways to lay it out, the one with the largest pictures that leaves its text
// as it is; if none does, the whole slide a little smaller. Then start the deck: to print, reveal.js counts the
// pages of each slide as it starts.
const WIDTH = 1280, HEIGHT = 720, PIXELS_PER_POINT = 96 / 72, SMALLEST_LABEL = 12, SMALLEST_SCALE = 0.77;
const GROWTHS = [0.82, 0.92, 1, 1.1, 1.2, 1.3, 1.4, 1.55, 1.7, 1.85, 2]; // of a picture over the size it was drawn at
const BESIDE = 64, COLUMN = 42; // characters of code that fit beside a picture
const WIDEST = 1.8; // width over height of a picture that has text beside it

const slides = [...document.querySelectorAll("section")].filter((section) => !section.querySelector("section"));
slides[0].classList.add("opening");
slides.forEach((section) => {
  const inner = document.createElement("div");
  inner.append(...section.childNodes);
  section.append(inner);
});

const pictures = (section) => [...section.querySelectorAll(".jp-CodeCell img[width]")];
const drawn = (picture) => Number(picture.getAttribute("width"));

// The smallest label in a slide's pictures, in pixels of the screen.
function label(section) {
  const scale = Number(section.firstChild.style.zoom);
  const sizes = pictures(section).map((picture) =>
    (picture.clientWidth / drawn(picture)) * (picture.dataset.points ?? Infinity) * PIXELS_PER_POINT * scale);
  return Math.min(...sizes, Infinity);
}

function resize(section, scale, growth) {
  section.firstChild.style.zoom = scale;
  pictures(section).forEach((picture) => (picture.style.width = `${growth * drawn(picture)}px`));
  return section.offsetHeight <= HEIGHT;
}

// The largest text, then the largest pictures, at which a slide fits as it is laid out now and its labels can be read.
function fill(section) {
  let best;
  const growths = pictures(section).length ? GROWTHS : [1];
  for (let scale = 1; ; scale *= 0.95) {
    let low = 0, high = growths.length; // the last one that fits is from low to below high
    const last = scale < 0.5;
    if (!resize(section, scale, growths[0]) && !last) continue;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (resize(section, scale, growths[middle])) low = middle;
      else high = middle;
    }
    resize(section, scale, growths[low]);
    const found = { scale, growth: growths[low], label: label(section) };
    if (found.label >= SMALLEST_LABEL) return found;
    if (!best || found.label > 1.05 * best.label) best = found;
    if (scale < 0.7) return best;
  }
}

// What can be done with a slide: code above or beside its picture; what it says beside a picture that stands alone.
function layouts(section) {
  const inner = section.firstChild;
  const cells = pictures(section).map((picture) => picture.closest(".jp-CodeCell"));
  const coded = cells.filter((cell) => cell.querySelector(".jp-InputArea"));
  const clear = () => (inner.classList.remove("columns"), cells.forEach((cell) => cell.classList.remove("beside")));
  const lines = [...section.querySelectorAll(".highlight pre")].flatMap((code) => code.textContent.split("\n"));
  const wraps = (width) => lines.some((line) => line.length > width);
  const ways = [{ lay_out: clear, wrapped: false }];
  if (coded.length) {
    const beside = () => (clear(), coded.forEach((cell) => cell.classList.add("beside")));
    ways.push({ lay_out: beside, wrapped: wraps(BESIDE) });
  }
  const [picture] = pictures(section);
  if (cells.length === 1 && !coded.length && cells[0] !== inner.firstElementChild &&
      picture.naturalWidth < WIDEST * picture.naturalHeight) {
    const columns = () => (clear(), cells[0].classList.add("picture"), inner.classList.add("columns"));
    ways.push({ lay_out: columns, wrapped: wraps(COLUMN) });
  }
  return ways;
}

// How good a layout is: labels that can be read count most, then text that can, then whole lines of code.
function worth({ scale, label, wrapped }) {
  if (label < SMALLEST_LABEL) return label;
  return 1000 + 1000 * (scale >= SMALLEST_SCALE) + 1000 * Math.min(scale, 0.9) + Math.min(label, 100) - 150 * wrapped;
}

function fit(section) {
  const ways = layouts(section).map((way) => (way.lay_out(), { ...way, ...fill(section) }));
  const best = ways.reduce((one, other) => (worth(other) > worth(one) ? other : one));
  best.lay_out();
  resize(section, best.scale, best.growth);
}

function fitAll() {
  const hidden = [...document.querySelectorAll("section")].map((section) => [section, section.style.display]);
  hidden.forEach(([section]) => (section.style.display = "block"));
  slides.forEach(fit);
  hidden.forEach(([section, display]) => (section.style.display = display));
  document.body.dataset.fitted = "yes";
}

// The speaker's window has not the style sheet that hides the MathML of a formula beside its drawing.
function plainNotes() {
  document.querySelectorAll("aside mjx-assistive-mml").forEach((formula) => formula.remove());
}

// chromium --print-to-pdf waits for timers but not for frames, and reveal.js lays out its pages in frames.
if (location.search.includes("print-pdf")) window.requestAnimationFrame = (callback) => setTimeout(callback);

const loaded = new Promise((done) => (document.readyState === "complete" ? done() : addEventListener("load", done)));

typeset.then(() => loaded).then(plainNotes).then(fitAll).then(() => Reveal.initialize({
  width: WIDTH, height: HEIGHT, margin: 0, center: false, hash: true, slideNumber: "c/t",
  transition: "none", controls: true, progress: true, pdfMaxPagesPerSlide: 1, plugins: [RevealNotes],
}));

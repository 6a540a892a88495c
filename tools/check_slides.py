"""Open every deck in headless Chromium and measure its slides as they are shown at 1280 x 720.

    python tools/check_slides.py [NOTEBOOK ...] [--pictures FOLDER]

Needs Chromium on the PATH and the decks of `make course` or `make slides`. With --pictures it also saves each slide,
and each page as one long picture. Exit status 1 if a slide overflows, holds a title alone, or has text or labels too
small to read; if a formula cannot be drawn, or if a deck asks for anything that is not a file beside it.
"""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

import safely
from browser import Browser, chromium
from execution import ROOT, chosen

SMALLEST_TEXT = 12  # pixels
SMALLEST_LABEL = 12  # in a picture
MEASURE = r"""(() => {
  const tex = /\$[^$]+\$|\\[a-zA-Z]+\{/;
  const formulas = [...document.querySelectorAll("mjx-container")]
    .filter((each) => each.querySelector("[data-mjx-error], [mathcolor=red]")).length;
  const texts = (slide) => {
    const walker = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT), found = [];
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      if (walker.currentNode.textContent.trim() && !parent.closest("aside, mjx-container, script, style, a.anchor-link"))
        found.push(walker.currentNode);
    }
    return found;
  };
  const size = (text) => parseFloat(getComputedStyle(text.parentElement).fontSize);
  const leaves = [...document.querySelectorAll(".slides section")].filter((each) => !each.querySelector("section"));
  const sections = [...document.querySelectorAll(".slides section")].map((each) => [each, each.style.display]);
  sections.forEach(([each]) => (each.style.display = "block"));
  const slides = leaves.map((slide) => {
    const found = texts(slide), scale = Number(slide.firstElementChild.style.zoom);
    const words = found.filter((text) => !text.parentElement.closest("h1, h2, h3, h4"));
    const stack = slide.parentElement.closest("section");
    const labels = [...slide.querySelectorAll("img[data-points]")].map((each) =>
      scale * each.clientWidth / each.getAttribute("width") * each.dataset.points * 96 / 72);
    return {
      address: [[...document.querySelectorAll(".slides > section")].indexOf(stack ?? slide),
                stack ? [...stack.children].indexOf(slide) : 0].join("/"),
      scale, overflow: Math.max(slide.scrollHeight - 720, slide.scrollWidth - 1280),
      label: Math.min(...labels, Infinity), text: scale * Math.min(...found.map(size), Infinity),
      bare: !words.length && !slide.querySelector("img, mjx-container"),
      formulas: found.filter((text) => !text.parentElement.closest("code, pre") && tex.test(text.textContent)).length,
    };
  });
  sections.forEach(([each, display]) => (each.style.display = display));
  return {slides, formulas: formulas + document.body.classList.contains("untypeset")};
})()"""


@dataclass
class Slide:
    """What is measured of a slide; sizes in pixels of the screen, infinite where there is nothing to measure.

    Attributes:
        address: in the deck, as "horizontal/vertical".
        scale: of the whole slide, to fit the screen.
        overflow: by how much it is too large all the same.
        label: the smallest label in a picture.
        text: the smallest text.
        bare: whether it holds a title alone.
        formulas: that appear as source.
    """

    address: str
    scale: float
    overflow: int
    label: float
    text: float
    bare: bool
    formulas: int


@dataclass
class Deck:
    """What is measured of a deck: its slides, formulas that cannot be drawn, addresses that it asked for."""

    slides: list[Slide]
    formulas: int
    asked: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """What a reader would complain of, in words."""
        found = [f"asks for {address}" for address in self.asked]
        if count := self.formulas + sum(slide.formulas for slide in self.slides):
            found.append(f"formulas that are not drawn: {count}")
        for slide in self.slides:
            words = {
                f"{slide.overflow} px too large": slide.overflow > 0,
                "a title alone": slide.bare,
                f"text of {slide.text:.1f} px": slide.text < SMALLEST_TEXT,
                f"a label of {slide.label:.1f} px": slide.label < SMALLEST_LABEL,
            }
            found += [f"slide {slide.address}: {text}" for text, wrong in words.items() if wrong]
        return found


def measure(tab: Browser, deck: Path) -> Deck:
    """Open a deck and measure it.

    Args:
        tab: of 1280 x 720; the network is refused to it.

    Raises:
        BrowserError: the deck does not start.
    """
    before = len(tab.asked)
    tab.refuse_network()
    tab.open(deck.as_uri())
    tab.wait_for(f'location.href == {deck.as_uri()!r} && document.body.dataset.fitted == "yes" && Reveal.isReady()')
    found = tab.evaluate(MEASURE)
    slides = [
        Slide(**{key: float("inf") if value is None else value for key, value in s.items()}) for s in found["slides"]
    ]
    return Deck(slides, found["formulas"], tab.asked[before:])


def save_pictures(tab: Browser, name: str, slides: list[Slide], folder: Path) -> None:
    """Save each slide of the deck that is open, then the page of the same name as one long picture."""
    folder.mkdir(parents=True, exist_ok=True)
    for slide in slides:
        at = slide.address.split("/")
        tab.evaluate(f"Reveal.slide({', '.join(at)})")
        tab.picture(folder / f"slide-{'-'.join(at)}.png")
    page = ROOT / "build" / "pages" / f"{name}.html"
    tab.open(page.as_uri())
    tab.wait_for(f'location.href == {page.as_uri()!r} && document.readyState == "complete"')
    tab.evaluate("window.MathJax?.startup?.promise.then(() => true)")
    tab.picture(folder / "page.png", whole=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*")
    parser.add_argument("--pictures", type=Path, help="save a picture of every slide and page here")
    arguments = parser.parse_args()
    if chromium() is None:
        sys.exit("Chromium is not on the PATH")
    wrong = 0
    with Browser(1280, 720) as tab:
        for path in chosen(arguments.notebooks):
            deck = measure(tab, ROOT / "build" / "slides" / f"{path.stem}.html")
            scale, label, text = (min(getattr(s, name) for s in deck.slides) for name in ("scale", "label", "text"))
            print(
                f"{path.stem}: {len(deck.slides)} slides, smallest scale {scale:.2f}, text {text:.1f} px, label {label:.1f} px"
            )
            for fault in deck.faults():
                wrong += 1
                print(f"    {fault}")
            if arguments.pictures:
                save_pictures(tab, path.stem, deck.slides, arguments.pictures / path.stem)
    return int(wrong > 0)


if __name__ == "__main__":
    safely.run(main)

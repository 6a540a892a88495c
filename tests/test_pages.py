"""Pages and decks opened as files: formulas that need no font, one printed page a slide."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[1]
FORMULAS = [r"$x \in [0, 1]$", r"$$\frac{\partial R}{\partial w} = \sum_{k=1}^K \delta_k h_k$$", r"$\mathbb{R}^2$"]
NOTE = """<details><summary>For whoever presents this</summary>

**Ask the room.** Is $a^2$ negative?

</details>"""
DRAWING = """fig = plotting.curves(x, {"line": x})
fig.alt = ("A line "
           "that rises.")
claim("its slope", 1, equals=1)"""
SLIDES = [
    new_markdown_cell(
        f"# 01 · Three slides\n\nBetween bounds: {FORMULAS[0]}. See [symbols](00_symbols.ipynb#Networks)."
    ),
    new_markdown_cell(f"## One taller than the screen\n\n{FORMULAS[1]}\n\n" + "Another line.\n\n" * 6),
    new_code_cell("\n".join(f"a_rather_long_name_{i} = {i}" for i in range(18))),
    new_markdown_cell(f"## The last\n\n- the plane {FORMULAS[2]}"),
]


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return {name: importlib.import_module(name) for name in ("execution", "browser", "build_course", "check_slides")}


def write(path, cells):
    nbformat.write(new_notebook(cells=cells), path)


@pytest.fixture
def built(tools, tmp_path, monkeypatch):
    """The folder build/ of a course of one notebook: three slides, the second of two cells and too tall."""
    (tmp_path / "notebooks").mkdir()
    for cell, kind in zip(SLIDES, ["slide", "slide", "-", "subslide"]):
        cell.metadata["slideshow"] = {"slide_type": kind}
    write(tmp_path / "notebooks" / "01_three.ipynb", SLIDES)
    for module in tools.values():
        for name, value in (("ROOT", tmp_path), ("NOTEBOOKS", tmp_path / "notebooks"), ("BUILD", tmp_path / "build")):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(sys, "argv", ["build_course.py", "--render-only"])
    assert tools["build_course"].main() == 0
    return tmp_path / "build"


@pytest.mark.parametrize("kind", ["pages", "slides"])
def test_a_page_loads_no_font(built, kind):
    html = (built / kind / "01_three.html").read_text(encoding="utf-8")
    loaded = re.findall(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']([^"']+)""", html)
    assert "../static/mathjax/tex-svg-full.js" in loaded
    for text in [html, *((built / kind / address).read_text(encoding="utf-8") for address in loaded)]:
        assert not re.search(r"@font-face|\.(woff2?|otf|ttf|eot)\b", text)
    for formula in FORMULAS:
        assert formula.replace("&", "&amp;") in html  # the source stays, should MathJax not run


@pytest.mark.parametrize("kind", ["pages", "slides"])
def test_a_link_to_a_notebook_leads_to_its_page(built, kind):
    html = (built / kind / "01_three.html").read_text(encoding="utf-8")
    assert 'href="00_symbols.html#Networks"' in html
    assert ".ipynb" not in html


def with_cell(tools, built, cell, kind):
    """The page and the deck of the same course with one more cell after its second slide's heading."""
    cell.metadata["slideshow"] = {"slide_type": kind}
    notebook = built.parent / "notebooks" / "01_three.ipynb"
    write(notebook, [*SLIDES[:2], cell, *SLIDES[2:]])
    tools["build_course"].render(notebook)
    return [(built / kind / "01_three.html").read_text(encoding="utf-8") for kind in ("pages", "slides")]


def test_notes_are_folded_on_the_page_and_the_speakers_alone_in_the_deck(tools, built):
    note = new_markdown_cell(NOTE, metadata={"tags": ["speaker-notes"]})
    page, deck = with_cell(tools, built, note, "notes")
    folded = r"<details><summary>For whoever presents this</summary>\s*<p><strong>Ask the room.*?</details>"
    assert re.search(folded, page, re.DOTALL)
    second = re.search(r"<section[^>]*>(?:(?!<section).)*One taller than the screen.*?</section>", deck, re.DOTALL)
    (aside,) = re.findall(r'<aside class="notes">.*?</aside>', second.group(), re.DOTALL)
    assert "Ask the room" in aside
    assert "whoever presents" not in deck and "<details" not in deck


def test_code_that_only_draws_is_folded_on_the_page_and_left_out_of_the_deck(tools, built):
    drawing = new_code_cell(DRAWING, metadata={"tags": ["hide-input"]})
    page, deck = with_cell(tools, built, drawing, "-")
    (folded,) = re.findall(r'<details class="code">.*?</details>', page, re.DOTALL)
    assert "curves" in folded and "that rises" in folded
    assert "curves" not in deck


def test_a_deck_leaves_out_alternative_texts(tools, built):
    page, deck = with_cell(tools, built, new_code_cell(DRAWING), "-")
    assert "that rises" in page and "that rises" not in deck
    for kept in ("curves", "its slope"):
        assert kept in page and kept in deck


@pytest.fixture
def tab(tools):
    if tools["browser"].chromium() is None:
        pytest.skip("Chromium is not on the PATH (on Debian: apt install chromium)")
    with tools["browser"].Browser(1280, 720) as tab:
        yield tab


def drawn(tab, page):
    """The page's source once its formulas are drawn, or cannot be."""
    tab.open(page.as_uri())
    tab.wait_for(f"location.href == {page.as_uri()!r} && document.readyState == 'complete'")
    tab.evaluate("typeset")
    return tab.evaluate("document.documentElement.outerHTML")


def test_formulas_are_drawn_and_read_aloud_without_fonts(tools, tab, built):
    for kind in ("pages", "slides"):
        dom = drawn(tab, built / kind / "01_three.html")
        formula = r"<mjx-container.*?<svg.*?<path.*?</svg><mjx-assistive-mml.*?<math"
        assert len(re.findall(formula, dom)) == len(FORMULAS)
    assert "<mfrac>" in dom and "<munderover>" in dom


def test_slides_are_measured(tools, tab, built):
    deck = tools["check_slides"].measure(tab, built / "slides" / "01_three.html")
    assert [slide.address for slide in deck.slides] == ["0/0", "1/0", "1/1"]
    assert deck.slides[0].scale == deck.slides[2].scale == 1 > deck.slides[1].scale  # only the tall one is shrunk
    assert deck.slides[0].text == pytest.approx(27)  # as course.css has it
    assert deck.slides[1].text == pytest.approx(15.6 * deck.slides[1].scale)
    assert deck.faults() == []


@pytest.mark.parametrize(
    "slip, fault",
    [
        ("x" * 2000, r"slide 0/0: \d+ px too large"),
        (r"$\frac{a}$", "formulas that are not drawn: 1"),
        (r"$x \undefined$", "formulas that are not drawn: 1"),
        ('<img src="https://example.org/a.png">', "asks for https://example.org/a.png"),
        ('<small style="font-size: 9px">small</small>', "slide 0/0: text of 9.0 px"),
        (
            '<span class="jp-CodeCell"><img src="data:," width="2400" data-points="6"></span>',
            r"slide 0/0: a label of [0-9.]+ px",
        ),
    ],
)
def test_a_fault_of_a_deck_is_found(tools, tab, built, slip, fault):
    deck = built / "slides" / "01_three.html"
    html = deck.read_text(encoding="utf-8")
    deck.write_text(html.replace(FORMULAS[0], slip), encoding="utf-8")
    faults = tools["check_slides"].measure(tab, deck).faults()
    assert len(faults) == 1 and re.fullmatch(fault, faults[0]), faults


def test_the_speaker_sees_each_formula_once(tools, tab, built):
    with_cell(tools, built, new_markdown_cell(NOTE, metadata={"tags": ["speaker-notes"]}), "notes")
    deck = tools["check_slides"].measure(tab, built / "slides" / "01_three.html")
    assert len(deck.slides) == 3
    tab.evaluate("Reveal.slide(1, 0)")
    notes = tab.evaluate("Reveal.getSlideNotes()")
    assert "Ask the room" in notes and notes.count("<svg") == 1 and "<math" not in notes


def test_a_title_alone_is_found(tools, tab, built):
    deck = built / "slides" / "01_three.html"
    html = deck.read_text(encoding="utf-8")
    deck.write_text(re.sub(r"(The last.*?</h2>).*?</ul>", r"\1", html, flags=re.DOTALL), encoding="utf-8")
    assert tools["check_slides"].measure(tab, deck).faults() == ["slide 1/1: a title alone"]


def test_a_deck_prints_a_page_a_slide(tools, tab, built):
    target = built / "deck.pdf"
    deck = (built / "slides" / "01_three.html").as_uri()
    flags = [*tools["browser"].FLAGS, "--virtual-time-budget=20000", f"--user-data-dir={built / 'profile'}"]
    command = [tools["browser"].chromium(), *flags, "--no-pdf-header-footer", f"--print-to-pdf={target}"]
    subprocess.run([*command, f"{deck}?print-pdf"], check=True, capture_output=True, timeout=180)
    assert len(re.findall(rb"/Type\s*/Page\b", target.read_bytes())) == 3


def test_formulas_that_cannot_be_drawn_say_so(tools, tab, built):
    shutil.rmtree(built / "static" / "mathjax")
    for kind in ("pages", "slides"):
        dom = drawn(tab, built / kind / "01_three.html")
        assert re.search(r'<body class="[^"]*\buntypeset\b', dom)
        assert "Formulas appear as TeX source" in dom
    deck = tools["check_slides"].measure(tab, built / "slides" / "01_three.html")  # the deck starts all the same
    assert deck.formulas and "formulas that are not drawn" in deck.faults()[0]

"""Pages and decks opened as files: formulas that need no font, one printed page a slide."""

import importlib
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[1]
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(not BROWSER, reason="Chromium is not on the PATH (on Debian: apt install chromium)")
FORMULAS = [r"$x \in [0, 1]$", r"$$\frac{\partial R}{\partial w} = \sum_{k=1}^K \delta_k h_k$$", r"$\mathbb{R}^2$"]
SLIDES = [
    new_markdown_cell(
        f"# 01 · Three slides\n\nBetween bounds: {FORMULAS[0]}. See [symbols](00_symbols.ipynb#Networks)."
    ),
    new_markdown_cell(f"## One taller than the screen\n\n{FORMULAS[1]}\n\n" + "Another line.\n\n" * 8),
    new_code_cell("\n".join(f"a_rather_long_name_{i} = {i}" for i in range(24))),
    new_markdown_cell(f"## The last\n\n- the plane {FORMULAS[2]}"),
]


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return {name: importlib.import_module(name) for name in ("execution", "build_course", "check_slides")}


@pytest.fixture
def built(tools, tmp_path, monkeypatch):
    """The folder build/ of a course of one notebook: three slides, the second of two cells and too tall."""
    (tmp_path / "notebooks").mkdir()
    for cell, kind in zip(SLIDES, ["slide", "slide", "-", "subslide"]):
        cell.metadata["slideshow"] = {"slide_type": kind}
    nbformat.write(new_notebook(cells=SLIDES), tmp_path / "notebooks" / "01_three.ipynb")
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


@needs_browser
def test_formulas_are_drawn_and_read_aloud_without_fonts(tools, built):
    for kind in ("pages", "slides"):
        dom = tools["check_slides"].chromium("--dump-dom", (built / kind / "01_three.html").as_uri())
        assert len(re.findall(r"<mjx-container.*?<svg.*?<path.*?</svg><mjx-assistive-mml.*?<math", dom)) == len(
            FORMULAS
        )
        assert not tools["check_slides"].UNTYPESET.search(dom)
    assert "<mfrac>" in dom and "<munderover>" in dom
    found = tools["check_slides"].slides(built / "slides" / "01_three.html")
    assert [address for address, *_ in found] == ["0/0", "1/0", "1/1"]
    assert [overflow for *_, overflow in found] == [0, 0, 0]
    assert found[0][1] == found[2][1] == 1 > found[1][1]  # only the tall one is shrunk


@needs_browser
def test_a_deck_prints_a_page_a_slide(tools, built):
    target = built / "deck.pdf"
    deck = (built / "slides" / "01_three.html").as_uri()
    tools["check_slides"].chromium("--no-pdf-header-footer", f"--print-to-pdf={target}", f"{deck}?print-pdf")
    assert len(re.findall(rb"/Type\s*/Page\b", target.read_bytes())) == 3


@needs_browser
def test_formulas_that_cannot_be_drawn_say_so(tools, built):
    shutil.rmtree(built / "static" / "mathjax")
    for kind in ("pages", "slides"):
        dom = tools["check_slides"].chromium("--dump-dom", (built / kind / "01_three.html").as_uri())
        assert re.search(r'<body class="[^"]*\buntypeset\b', dom)
        assert "Formulas appear as TeX source" in dom
    assert 'data-fitted="yes"' in dom  # and the deck starts all the same
    with pytest.raises(SystemExit, match="a formula could not be drawn"):
        tools["check_slides"].slides(built / "slides" / "01_three.html")


@needs_browser
def test_a_slip_in_a_formula_is_found(tools, built):
    deck = built / "slides" / "01_three.html"
    html = deck.read_text(encoding="utf-8")
    for slip in (r"$\frac{a}$", r"$x \undefined$"):
        deck.write_text(html.replace(FORMULAS[0], slip), encoding="utf-8")
        with pytest.raises(SystemExit, match="a formula could not be drawn"):
            tools["check_slides"].slides(deck)

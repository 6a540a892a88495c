"""The website, built once and whole: no warning, no broken link, no lost text, nothing loaded from elsewhere."""

import hashlib
import html
import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[1]
SOURCES = ["README.md", "CHANGELOG.md", "pyproject.toml", "benchmarks/results.md"]
NOTE = "<details><summary>For the teacher</summary>\n\n**Ask the room.** Why is $x^2 \\ge 0$?\n\n</details>"
HEAVIEST = 3e6  # bytes of a page and its pictures

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("myst_nb", "sphinx_book_theme"))),
    reason="myst-nb or the theme is not installed; the extra `site` has them",
)


class Page(HTMLParser):
    """What a page names: anchors, links, pictures with their texts, and what it loads by itself."""

    def __init__(self, path: Path):
        super().__init__()
        self.anchors, self.links, self.pictures, self.loaded, self.opened = set(), [], [], [], 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        self.opened += tag == "details" and "open" in found
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "img":
            self.pictures.append((found["src"], found.get("alt", "")))
        if "src" in found or (tag == "link" and found.get("rel") in ("stylesheet", "preload", "icon")):
            self.loaded.append(found.get("src") or found["href"])


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A copy of the course with one more notebook, and its website: the folder, and what Sphinx said."""
    course = tmp_path_factory.mktemp("course")
    for name in ("docs", "notebooks"):
        shutil.copytree(ROOT / name, course / name, ignore=shutil.ignore_patterns("notebooks", ".*"))
    for name in SOURCES:
        (course / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, course / name)
    cells = [
        new_markdown_cell("# 99 · A note"),
        new_markdown_cell(NOTE),
        new_code_cell("1", metadata={"tags": ["hide-input"]}, outputs=[new_output("stream", text="1")]),
    ]
    notebook = new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    nbformat.write(notebook, course / "notebooks" / "99_note.ipynb")
    index = course / "docs" / "index.md"
    text = index.read_text(encoding="utf-8")
    index.write_text(text.replace("notebooks/00_symbols", "notebooks/00_symbols\nnotebooks/99_note"), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", course / "docs", course / "site"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    return course / "site", run


@pytest.fixture(scope="session")
def site(built):
    folder, run = built
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="session")
def pages(site):
    """Every page by its place in the website."""
    paths = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    return {path.relative_to(site).as_posix(): Page(path) for path in paths}


def pictures(notebook):
    """The hash and the alternative text of each picture of a notebook."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                picture = b64decode(output.data["image/png"])
                yield hashlib.sha256(picture).hexdigest(), output.metadata["image/png"]["alt"]


def test_it_builds_without_a_warning(built):
    _, run = built
    assert (run.returncode, run.stderr) == (0, "")


def test_every_notebook_and_every_kind_of_page_is_there(pages):
    expected = {f"notebooks/{path.stem}.html" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert expected | {
        "index.html",
        "glossary.html",
        "results.html",
        "api.html",
        "changelog.html",
        "search.html",
    } <= set(pages)


def test_every_link_leads_somewhere(site, pages):
    checked, broken = 0, []
    for place, page in pages.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            path = (site / place).parent / unquote(address.path) if address.path else site / place
            name = path.resolve().relative_to(site.resolve()).as_posix()
            checked += 1
            anchor = unquote(address.fragment)
            if not path.exists() or (anchor and name in pages and anchor not in pages[name].anchors):
                broken.append((place, link))
    assert not broken
    assert checked > 1000


def test_nothing_is_loaded_from_elsewhere(site, pages):
    for place, page in pages.items():
        for address in page.loaded:
            assert not urlsplit(address).scheme and not urlsplit(address).netloc, (place, address)
            assert ((site / place).parent / unquote(urlsplit(address).path)).exists(), (place, address)
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet.name


def test_pictures_keep_their_texts(pages):
    total = 0
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        shown = pages[f"notebooks/{notebook.stem}.html"].pictures
        expected = Counter(pictures(notebook))
        total += expected.total()
        assert Counter((Path(address).stem, text) for address, text in shown) == expected
    assert total > 250
    assert [text[:6] for _, text in pages["index.html"].pictures] == ["A map:"]


def test_no_page_is_heavy(site, pages):
    for place, page in pages.items():
        files = {(site / place).parent / address for address, _ in page.pictures} | {site / place}
        assert sum(file.stat().st_size for file in files) < HEAVIEST, place


def test_each_exercise_has_its_solution_in_a_closed_box(site, pages):
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        checks = [cell for cell in nbformat.read(path, as_version=4).cells if cell.source.startswith("check(")]
        text = (site / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        boxes = re.findall(r"<details><summary>Solution</summary>(.*?)</details>", text, re.S)
        assert len(boxes) == len(checks)
        assert all(len(re.sub(r"<.*?>", "", box).strip()) > 10 for box in boxes)
    assert not any(page.opened for page in pages.values())


def test_notes_and_hidden_code_fold(site):
    text = (site / "notebooks" / "99_note.html").read_text(encoding="utf-8")
    note = re.search(r"<details><summary>For the teacher</summary>(.*?)</details>", text, re.S)[1]
    assert "<strong>Ask the room.</strong>" in note and r"\(x^2 \ge 0\)" in html.unescape(note)
    assert re.search(r'<details class="[^"]*hide above-input">', text)


def test_each_term_of_the_glossary_links_to_its_section(site):
    text = (site / "glossary.html").read_text(encoding="utf-8")
    terms = re.findall(r'<dt id="term-.*?</dt><dd>(.*?)</dd>', text, re.S)
    assert len(terms) >= 60
    assert all('href="notebooks/' in term for term in terms)


def test_each_symbol_links_to_its_notebook(site):
    text = (site / "notebooks" / "00_symbols.html").read_text(encoding="utf-8")
    tables = text[: text.index('<section id="letters-with-several-meanings"')]
    rows = [row for row in re.findall(r"<tr.*?</tr>", tables, re.S) if "<td>" in row]
    linked = [row for row in rows if re.search(r'<td><p>.*href="\d\d_\w+\.html"', row, re.S)]
    assert len(rows) > 30
    assert linked == rows


def test_in_a_browser_at_both_widths(site, pages, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    browser = importlib.import_module("browser")
    if browser.chromium() is None:
        pytest.skip("Chromium is not on the PATH")
    with browser.Browser(1280, 800) as tab:
        tab.call("Network.enable")
        tab.call("Network.setBlockedURLs", urls=["http://*", "https://*"])
        for place in sorted(pages):
            tab.open((site / place).as_uri())
            tab.wait_for("document.readyState == 'complete'")
            tab.wait_for(
                "document.querySelectorAll('mjx-container').length == document.querySelectorAll('.math').length"
            )
            assert tab.evaluate("document.querySelectorAll('mjx-merror, [data-mjx-error]').length") == 0, place
            for width in (390, 1280):
                size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
                tab.call("Emulation.setDeviceMetricsOverride", **size)
                assert tab.evaluate("document.documentElement.scrollWidth") <= width, (place, width)
            loaded = tab.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
            assert not [address for address in loaded if address.startswith("http")], place
        tab.open((site / "search.html").as_uri() + "?q=backpropagation")
        tab.wait_for("document.querySelector('#search-results a[href^=\"notebooks/04_backpropagation.html\"]')")

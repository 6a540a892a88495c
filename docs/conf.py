"""The website: the notebooks as stored, the glossary, and the API pages of coursekit."""

import contextlib
import hashlib
import io
import re
import shutil
import sys
import tomllib
from base64 import b64decode
from importlib.util import find_spec
from pathlib import Path

import nbformat
from docutils import nodes

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
sys.path.insert(0, str(ROOT))

from coursekit.environment import quiet_keras  # noqa: E402
from coursekit.exercises import solution  # noqa: E402

quiet_keras()

project = "Deep learning in notebooks"
author = "the coursekit authors"
html_title = project
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

nb_execution_mode = "off"  # the stored outputs are the tested ones
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3  # [text](page.md#a-heading)
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_use_ivar = True  # fields of a dataclass appear once
default_role = "code"

texts = {}  # alternative texts, by the hash of the picture

html_theme = "sphinx_book_theme"
html_theme_options = {
    "repository_url": PROJECT["urls"]["Repository"],
    "use_repository_button": True,
    "use_download_button": False,
    "navbar_persistent": [],  # the search stands in the sidebar
    "extra_footer": "MIT licence.",
}
html_copy_source = False
html_show_copyright = False
html_css_files = ["site.css"]
mathjax_path = "tex-svg-full.js"  # formulas without a network and without fonts
html_static_path = [
    "site.css",
    str(Path(find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax" / mathjax_path),
]


def copy_notebooks(app):
    """Put the notebooks beside the pages, each exercise with its solution, and the course's map for the first page."""
    folder = Path(app.srcdir) / "notebooks"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    paths = {path.stem[:2]: path for path in (ROOT / "notebooks").glob("*.ipynb")}
    for number, path in paths.items():
        notebook = nbformat.read(path, as_version=4)
        for picture, text in pictures(notebook):
            texts[hashlib.sha256(picture).digest()] = text
            if text.startswith("A map: notebooks 01"):
                (folder / "course_map.png").write_bytes(picture)
        if number == "00":  # the table of symbols: each number of a notebook becomes a link
            for cell in notebook.cells:
                cell.source = re.sub(r"\b\d\d\b", lambda found: f"[{found[0]}]({paths[found[0]].name})", cell.source)
        notebook.cells = [shown for cell in notebook.cells for shown in (cell, *solutions(cell))]
        nbformat.write(notebook, folder / path.name)


def pictures(notebook):
    """The pictures of a notebook's outputs and their alternative texts."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if text := output.get("metadata", {}).get("image/png", {}).get("alt"):
                yield b64decode(output.data["image/png"]), text


def solutions(cell):
    """A closed box with the solution for a cell that checks an exercise; nothing for any other cell."""
    for number in re.findall(r'^check\("([\d.]+)"', cell.source, re.M):
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            solution(number)
        text = text.getvalue().strip()
        box = text.removeprefix(number) if text.startswith(number) else f"```python\n{text}\n```"
        yield nbformat.v4.new_markdown_cell(f"<details><summary>Solution</summary>\n\n{box}\n\n</details>")


def describe_pictures(app, doctree):
    """Give each picture the alternative text of the notebook output that it is; myst-nb drops it."""
    for image in doctree.findall(nodes.image):
        picture = Path(app.srcdir) / image["uri"]
        if picture.exists() and (text := texts.get(hashlib.sha256(picture.read_bytes()).digest())):
            image["alt"] = text


def escape(app, what, name, obj, options, lines):
    """Docstrings are plain text: stars and bars outside backticks are no markup."""
    lines[:] = re.sub(
        r"(`+)(.+?)\1|[*|]", lambda found: found[0] if found[1] else f"\\{found[0]}", "\n".join(lines)
    ).split("\n")


def setup(app):
    app.connect("autodoc-process-docstring", escape, priority=100)  # before napoleon
    app.connect("builder-inited", copy_notebooks)
    app.connect("doctree-read", describe_pictures)
    return {"parallel_read_safe": True}

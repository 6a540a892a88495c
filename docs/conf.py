"""The website: the notebooks as stored, and the API pages of coursekit."""

import hashlib
import shutil
import sys
from base64 import b64decode
from importlib.util import find_spec
from pathlib import Path

import nbformat
from docutils import nodes

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from coursekit.environment import quiet_keras  # noqa: E402

quiet_keras()

project = "Deep learning in notebooks"
author = "the coursekit authors"
html_title = project
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
nb_execution_mode = "off"  # the stored outputs are the tested ones
myst_enable_extensions = ["dollarmath"]
autodoc_typehints = "description"
html_theme = "alabaster"
html_static_path = [str(Path(find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax/tex-svg-full.js")]
mathjax_path = "tex-svg-full.js"  # formulas without a network and without fonts
exclude_patterns = ["_build"]
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]


def copy_notebooks(app):
    folder = Path(app.srcdir) / "notebooks"
    folder.mkdir(exist_ok=True)
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, folder)


def describe_pictures(app, doctree):
    """Give each picture the alternative text of its notebook output; myst-nb names the file by its content's hash."""
    path = Path(app.env.doc2path(app.env.docname))
    texts = {}
    for cell in nbformat.read(path, as_version=4).cells if path.suffix == ".ipynb" else []:
        for output in cell.get("outputs", []):
            if text := output.get("metadata", {}).get("image/png", {}).get("alt"):
                texts[hashlib.sha256(b64decode(output.data["image/png"])).hexdigest()] = text
    for image in doctree.findall(nodes.image):
        if text := texts.get(Path(image["uri"]).stem):
            image["alt"] = text


def setup(app):
    app.connect("builder-inited", copy_notebooks)
    app.connect("doctree-read", describe_pictures)

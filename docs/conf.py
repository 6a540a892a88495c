"""The website: the notebooks as stored, and the API pages of coursekit."""

import shutil
import sys
from pathlib import Path

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
exclude_patterns = ["_build"]
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]


def copy_notebooks(app):
    folder = Path(app.srcdir) / "notebooks"
    folder.mkdir(exist_ok=True)
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, folder)


def setup(app):
    app.connect("builder-inited", copy_notebooks)

"""The website: pictures keep their alternative texts, and nothing is loaded from elsewhere."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[1]
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("myst_nb"), reason="myst-nb is not installed; the extra `site` has it"
)


def test_pictures_keep_their_texts_and_formulas_need_no_network(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "docs" / "conf.py", tmp_path / "docs")
    (tmp_path / "docs" / "index.md").write_text("# A site\n\n```{toctree}\nnotebooks/01_dot\n```\n", encoding="utf-8")
    metadata = {"image/png": {"alt": 'A "dot", i.e. < 2 pixels', "width": 40}}
    picture = new_output("display_data", {"image/png": DOT, "text/plain": "a dot"}, metadata=metadata)
    cells = [new_markdown_cell("# 01 · A dot\n\n$x^2$"), new_code_cell("dot()", outputs=[picture])]
    notebook = new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    nbformat.write(notebook, tmp_path / "notebooks" / "01_dot.ipynb")

    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", tmp_path / "docs", tmp_path / "site"]
    run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr

    html = (tmp_path / "site" / "notebooks" / "01_dot.html").read_text(encoding="utf-8")
    (image,) = re.findall(r"<img[^>]*>", html)
    assert 'alt="A &quot;dot&quot;, i.e. &lt; 2 pixels"' in image
    assert 'width="40"' in image
    loaded = re.findall(r"""<(?:script|link|img)[^>]*(?:src|href)=["']([^"'?]+)""", html)
    assert "../_static/tex-svg-full.js" in loaded
    for address in loaded:
        assert (tmp_path / "site" / "notebooks" / address).exists(), address

"""Execute every notebook and render it as a page and as a deck of slides, all in build/.

    python tools/build_course.py                 execute, then pages and decks
    python tools/build_course.py 04 05           these notebooks only
    python tools/build_course.py --render-only   pages and decks of the stored outputs
    python tools/build_course.py --store         execute and store the outputs in notebooks/

Only --store changes notebooks/, and only where every cell succeeded. A notebook that fails is
reported with its cell, the others still run, and the exit status is 1. Everything in build/ works
without a network.
"""

import argparse
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import nbformat
import sphinx_revealjs
from execution import NOTEBOOKS, ROOT, chosen, execute, quiet_environment
from nbconvert import HTMLExporter, SlidesExporter

BUILD = ROOT / "build"
TEMPLATES = Path(__file__).parent / "templates"
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
ASSETS = {
    # One script that draws formulas as SVG: browsers may refuse a file's page the fonts in another folder.
    "mathjax/tex-svg-full.js": MATHJAX / "tex-svg-full.js",
    "revealjs": Path(sphinx_revealjs.__file__).parent / "_static" / "revealjs",
    "course": TEMPLATES / "static",
}


def run_all(paths: list[Path], store: bool) -> tuple[list[Path], int]:
    """Execute the notebooks, a line each; the executed copies and the number that failed."""
    folder = BUILD / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    executed, failures = [], 0
    for number, path in enumerate(paths, start=1):
        print(f"[{number}/{len(paths)}] {path.stem:34}", end="", flush=True)
        notebook = nbformat.read(path, as_version=4)
        result = execute(notebook, NOTEBOOKS)
        print(
            f"{result.seconds:6.1f} s {result.megabytes:7.0f} MB   {'FAILED' if result.failure else 'ok'}", flush=True
        )
        if result.failure:
            failures += 1
            print(f"        {result.failure}", flush=True)
        elif store:
            notebook.metadata.language_info = {"name": "python"}
            nbformat.write(notebook, path)
        executed.append(folder / path.name)
        nbformat.write(notebook, executed[-1])
    return executed, failures


def render(paths: list[Path]) -> None:
    """Write a page and a deck for each notebook, and their table of contents."""
    for name, source in ASSETS.items():
        target = BUILD / "static" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, target)
    everything = [path.stem for path in chosen([])]
    entries = []
    for kind, exporter in (("pages", HTMLExporter), ("slides", SlidesExporter)):
        (BUILD / kind).mkdir(parents=True, exist_ok=True)
        converter = exporter(
            template_name=f"course_{kind}",
            extra_template_basedirs=[str(TEMPLATES)],
            extra_template_paths=[str(TEMPLATES)],
            language_code="en",
        )
        for path in paths:
            notebook = nbformat.read(path, as_version=4)
            at = everything.index(path.stem) if path.stem in everything else 0
            notebook.metadata.title = title(notebook)
            notebook.metadata.previous = everything[at - 1] if at else ""
            notebook.metadata.next = everything[at + 1] if at + 1 < len(everything) else ""
            html, _ = converter.from_notebook_node(notebook, {"metadata": {"name": path.stem}})
            (BUILD / kind / f"{path.stem}.html").write_text(html, encoding="utf-8")
            if kind == "pages":
                entries.append((path.stem, notebook.metadata.title))
    rows = "\n".join(
        f'<li><a href="pages/{stem}.html">{name}</a> <a class="deck" href="slides/{stem}.html">slides</a></li>'
        for stem, name in entries
    )
    contents = (TEMPLATES / "index.html").read_text(encoding="utf-8").replace("{{ rows }}", rows)
    (BUILD / "index.html").write_text(contents, encoding="utf-8")
    print(f"{len(paths)} pages and decks: {(BUILD / 'index.html').relative_to(ROOT)}")


def title(notebook: nbformat.NotebookNode) -> str:
    """The first heading."""
    for cell in notebook.cells:
        for line in cell.source.splitlines():
            if cell.cell_type == "markdown" and line.startswith("# "):
                return line[2:].strip()
    return "Untitled"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", help="numbers or names; all by default")
    parser.add_argument("--render-only", action="store_true", help="render the stored outputs, execute nothing")
    parser.add_argument("--store", action="store_true", help="store the outputs in notebooks/")
    arguments = parser.parse_args()
    quiet_environment()
    paths, failures = chosen(arguments.notebooks), 0
    if not arguments.render_only:
        paths, failures = run_all(paths, arguments.store)
    if not arguments.store:
        render(paths)
    if failures:
        print(f"{failures} of {len(paths)} notebooks failed")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())

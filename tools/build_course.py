"""Execute every notebook and render it as a page and as a deck of slides, all in build/.

    python tools/build_course.py                 execute, then pages and decks
    python tools/build_course.py 04 05           these notebooks only
    python tools/build_course.py --render-only   pages and decks of the stored outputs
    python tools/build_course.py --store         execute and store the outputs in notebooks/
    python tools/build_course.py --at-once 1     one notebook after the other, each with all cores
    python tools/build_course.py --slowest 20    and say at the end where the time went, by cell

By default as many notebooks run at once as there are cores, each with one thread; one after the other with a GPU,
in the full profile, and where outputs are stored, for some show times.
Only --store changes notebooks/, and only where every cell succeeded. A notebook that fails is
reported with its cell, the others still run, and the exit status is 1. Everything in build/ works
without a network. Ctrl-C stops at once, with the exit status 130: what is finished is rendered, and no
file is left half written.
"""

import argparse
import ast
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import nbformat
import psutil
import safely
import sphinx_revealjs
from execution import NOTEBOOKS, ROOT, chosen, execute_each, longest_first, quiet_environment
from nbconvert import HTMLExporter, SlidesExporter

BUILD = ROOT / "build"
TEMPLATES = Path(__file__).parent / "templates"
EXPORTERS = {"pages": HTMLExporter, "slides": SlidesExporter}
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
LINK = re.compile(r"\]\((\d\d_\w+)\.ipynb")  # from one notebook to another
FOLD = re.compile(r"</?details>|<summary>.*?</summary>")  # around the speaker's notes
MEMORY = 2.5e9  # bytes of a notebook and its share of the rest
ONE_THREAD = {
    name: "1"
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
}
ASSETS = {
    # One script that draws formulas as SVG: browsers may refuse a file's page the fonts in another folder.
    "mathjax/tex-svg-full.js": MATHJAX / "tex-svg-full.js",
    "revealjs": Path(sphinx_revealjs.__file__).parent / "_static" / "revealjs",
    "course": TEMPLATES / "static",
}


def build(paths: list[Path], *, run: bool, store: bool, at_once: int, slowest: int = 0) -> int:
    """Execute and render the notebooks; the tool's exit status."""
    done = failures = 0
    stopped = False
    try:
        if not store:
            copy_assets()
        with closing(execute_all(paths, store, at_once, slowest) if run else ((path, True) for path in paths)) as built:
            for path, succeeded in built:
                failures += not succeeded
                if not store:
                    render(path)
                done += 1
    except KeyboardInterrupt:
        stopped = True
        kept = "what is in build/ can be used" if not store else "the others are stored as they were"
        print(f"\nstopped: {done} of {len(paths)} notebooks done; {kept}", flush=True)
    if done and not store:
        write_contents()
    if failures:
        print(f"{failures} of {len(paths)} notebooks failed")
    return safely.STOPPED if stopped else int(failures > 0)


def execute_all(paths: list[Path], store: bool, at_once: int, slowest: int) -> Iterator[tuple[Path, bool]]:
    """Execute the notebooks, the longest first, a line for each; gives the executed copies and whether they succeeded."""
    if at_once > 1:
        paths = longest_first(paths)
    notebooks = [nbformat.read(path, as_version=4) for path in paths]
    environment = dict(os.environ) | (ONE_THREAD if at_once > 1 else {})
    start, cells = time.monotonic(), []
    with closing(execute_each(notebooks, NOTEBOOKS, at_once=at_once, environment=environment)) as runs:
        for count, (number, result) in enumerate(runs, start=1):
            path, notebook = paths[number], notebooks[number]
            verdict = "FAILED" if result.failure else "ok"
            print(
                f"[{count}/{len(paths)}] {path.stem:34}{result.seconds:6.1f} s {result.megabytes:7.0f} MB   {verdict}",
                flush=True,
            )
            cells += [(seconds, f"{path.stem[:2]} {name}") for seconds, name in result.cells]
            if result.failure:
                print(f"        {result.failure}", flush=True)
            elif store:
                notebook.metadata.language_info = {"name": "python"}
                safely.write_notebook(notebook, path)
            executed = BUILD / "notebooks" / path.name
            safely.write_notebook(notebook, executed)
            yield executed, not result.failure
    if len(paths) > 1:
        print(f"{time.monotonic() - start:.0f} s, {at_once} at once", flush=True)
    for seconds, name in sorted(cells, reverse=True)[:slowest]:
        print(f"{seconds:8.1f} s   {name}")


def as_many_as_fit() -> int:
    """Notebooks at once: one a core, as far as the memory goes; one alone where they would share a GPU."""
    if any(Path("/dev").glob("nvidia[0-9]*")) or os.environ.get("COURSEKIT_PROFILE") == "full":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores, int(psutil.virtual_memory().available // MEMORY)))


def copy_assets() -> None:
    """Put what every page loads into build/."""
    for name, source in ASSETS.items():
        target = BUILD / "static" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, target)


def render(path: Path) -> None:
    """Write the page and the deck of a notebook."""
    everything = [path.stem for path in chosen([])]
    at = everything.index(path.stem)
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.title = title(notebook)
    notebook.metadata.previous = everything[at - 1] if at else ""
    notebook.metadata.next = everything[at + 1] if at + 1 < len(everything) else ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(r"](\1.html", cell.source)
    for kind in EXPORTERS:
        if kind == "slides":
            for cell in notebook.cells:
                cell.source = on_deck(cell)
        html, _ = converter(kind).from_notebook_node(notebook, {"metadata": {"name": path.stem}})
        safely.write(BUILD / kind / f"{path.stem}.html", html)


def on_deck(cell: nbformat.NotebookNode) -> str:
    """A cell's source as a deck shows it: no alternative texts, the speaker's notes unfolded."""
    if "speaker-notes" in cell.metadata.get("tags", []):
        return FOLD.sub("", cell.source)
    if cell.cell_type != "code" or ".alt = " not in cell.source:
        return cell.source
    lines: list[str | None] = list(cell.source.splitlines())
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "attr", "") == "alt":
            lines[node.lineno - 1 : node.end_lineno] = [None] * (node.end_lineno - node.lineno + 1)
    return "\n".join(line for line in lines if line is not None)


@cache
def converter(kind: str) -> HTMLExporter:
    """What makes a page or a deck of a notebook."""
    return EXPORTERS[kind](
        template_name=f"course_{kind}",
        extra_template_basedirs=[str(TEMPLATES)],
        extra_template_paths=[str(TEMPLATES)],
        language_code="en",
    )


def write_contents() -> None:
    """Write the table of contents of all pages in build/."""
    entries = [
        (path.stem, title(nbformat.read(path, as_version=4)))
        for path in chosen([])
        if (BUILD / "pages" / path.name).with_suffix(".html").exists()
    ]
    rows = "\n".join(
        f'<li><a href="pages/{stem}.html">{name}</a> <a class="deck" href="slides/{stem}.html">slides</a></li>'
        for stem, name in entries
    )
    template = (TEMPLATES / "index.html").read_text(encoding="utf-8")
    safely.write(BUILD / "index.html", template.replace("{{ rows }}", rows))
    print(f"{len(entries)} pages and decks: {(BUILD / 'index.html').relative_to(ROOT)}")


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
    parser.add_argument("--at-once", type=int, metavar="N", help="notebooks that run together")
    parser.add_argument("--slowest", type=int, metavar="N", default=0, help="name the N cells that took longest")
    arguments = parser.parse_args()
    if arguments.at_once is not None and arguments.at_once < 1:
        parser.error(f"--at-once must be at least 1; got {arguments.at_once}")
    if arguments.slowest < 0:
        parser.error(f"--slowest must be at least 0; got {arguments.slowest}")
    quiet_environment()
    paths = chosen(arguments.notebooks)
    at_once = min(len(paths), arguments.at_once or (1 if arguments.store else as_many_as_fit()))
    return build(
        paths, run=not arguments.render_only, store=arguments.store, at_once=at_once, slowest=arguments.slowest
    )


if __name__ == "__main__":
    safely.run(main)

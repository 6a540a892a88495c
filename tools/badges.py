"""Write the repository's address, which pyproject.toml defines, into the notebooks and the README.

python tools/badges.py           write
python tools/badges.py --check   only say which files differ; exit status 1 if any does
"""

import re
import sys
import tomllib
from pathlib import Path

import nbformat
import safely

ROOT = Path(__file__).parents[1]


def addressed(text: str, repository: str) -> str:
    """The text with its Colab and Binder links, install lines and clone lines pointing at ``repository``."""
    owner_and_name = repository.removeprefix("https://github.com/")
    for before, after in (
        (r"https://colab\.research\.google\.com/github/", "/blob/"),
        (r"https://mybinder\.org/v2/gh/", "/main"),
    ):
        text = re.sub(rf"({before})[^/\s]+/[^/\s]+({after})", rf"\g<1>{owner_and_name}\g<2>", text)
    return re.sub(r"(git\+|git clone )https://github\.com/[\w.-]+/[\w.-]+", rf"\g<1>{repository}", text)


def main(check: bool, root: Path = ROOT) -> int:
    repository = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    differing = []
    for path in [root / "README.md", *sorted((root / "notebooks").glob("*.ipynb"))]:
        if path.suffix == ".ipynb":
            notebook = nbformat.read(path, as_version=4)
            old = [cell.source for cell in notebook.cells]
            new = [addressed(source, repository) for source in old]
            for cell, source in zip(notebook.cells, new):
                cell.source = source
        else:
            old = path.read_text(encoding="utf-8")
            new = addressed(old, repository)
        if old == new:
            continue
        differing.append(str(path.relative_to(root)))
        if check:
            continue
        if path.suffix == ".ipynb":
            safely.write_notebook(notebook, path)
        else:
            safely.write(path, new)
    for name in differing:
        print(f"{'differs' if check else 'written'}: {name}")
    return int(check and bool(differing))


if __name__ == "__main__":
    safely.run(lambda: main("--check" in sys.argv[1:]))

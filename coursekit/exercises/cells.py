"""The cells of an exercise: the task, the stub that a student fills, and the solution, from one file a notebook.

Such a file is a script in jupytext's percent format: ``# %% [markdown] 04.1 A title`` and the task in comments,
``# %% 04.1`` and the cell, in which nbgrader's markers enclose the solution, then ``# %%`` and the `Exercise`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BEGIN", "END", "YOURS", "Cell", "cells", "stub"]

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
YOURS = "# your code here"
HEADER = re.compile(r"^# %%(?: \[(markdown)\])?(?: (\d\d\.\d+))?(?: (.+))?$", re.MULTILINE)


@dataclass
class Cell:
    """The parts of one exercise as text.

    Attributes:
        title: of the exercise.
        task: Markdown.
        marked: the answer's cell with its solution between the markers, as nbgrader takes it.
    """

    title: str = ""
    task: str = ""
    marked: str = ""

    @property
    def stub(self) -> str:
        """What the student is given."""
        return stub(self.marked)

    @property
    def solved(self) -> str:
        """The cell with its solution, without markers."""
        return "\n".join(line for line in self.marked.splitlines() if line.strip() not in (BEGIN, END))

    @property
    def answer(self) -> str:
        """The name that the cell gives its answer."""
        names = re.findall(r"^(?:def )?(\w+)(?=\(| = )", self.marked, re.MULTILINE)
        return names[-1] if names else ""


def cells(notebook: str) -> dict[str, Cell]:
    """By number, in order.

    Args:
        notebook: "04".

    Raises:
        ValueError: markers that do not pair up.
    """
    text = (Path(__file__).parent / f"{notebook}.py").read_text(encoding="utf-8")
    found: dict[str, Cell] = {}
    headers = list(HEADER.finditer(text))
    for header, following in zip(headers, [*headers[1:], None]):
        markdown, number, title = header.groups()
        body = text[header.end() : following.start() if following else None].strip("\n")
        if not number:
            continue
        cell = found.setdefault(number, Cell())
        if markdown:
            cell.title = title or ""
            cell.task = "\n".join(re.sub(r"^# ?", "", line) for line in body.splitlines())
        else:
            cell.marked = body
            stub(body)
    return found


def stub(marked: str) -> str:
    """The cell without its solution: each marked region becomes one comment, as nbgrader does it.

    Raises:
        ValueError: markers that do not pair up.
    """
    lines, inside = [], False
    for line in marked.splitlines():
        word = line.strip()
        if word == (BEGIN if inside else END):
            raise ValueError(f"every {BEGIN} must be followed by an {END}; got {marked!r}")
        if word == BEGIN:
            lines.append(line.replace(BEGIN, YOURS))
        inside = word == BEGIN or (inside and word != END)
        if not inside and word != END:
            lines.append(line)
    if inside:
        raise ValueError(f"every {BEGIN} must be followed by an {END}; got {marked!r}")
    return "\n".join(lines)

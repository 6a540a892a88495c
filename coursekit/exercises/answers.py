"""check, hint, solution and progress: what a notebook's exercises call."""

import importlib
import os
import re
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from coursekit.environment import say

__all__ = ["ExerciseError", "available", "check", "grade", "hint", "load", "progress", "progress_folder", "solution"]

FOLDER = Path(__file__).parent
OPEN, DONE, WRONG = "·", "✓", "✗"


class ExerciseError(AssertionError):
    """An answer that is wrong or missing; raised by `grade`."""


def available() -> list[str]:
    """The notebooks that have exercises here, "01", "02", ..."""
    return sorted(path.stem for path in FOLDER.glob("[0-9][0-9].py"))


def load(number: str) -> Any:
    """The `Exercise` of this number.

    Raises:
        TypeError: number is not a text.
        ValueError: there is no such exercise.
    """
    if not isinstance(number, str):
        raise TypeError(f'number must be a text such as "04.1"; got {number!r}')
    notebook, dot, _ = number.partition(".")
    if not dot or notebook not in available():
        raise ValueError(f'number must be a notebook and a place, such as "04.1"; got {number!r}')
    exercises = {exercise.number: exercise for exercise in exercises_of(notebook)}
    if number not in exercises:
        raise ValueError(f"number must be one of {', '.join(exercises)}; got {number!r}")
    return exercises[number]


def exercises_of(notebook: str) -> list:
    """The `Exercise` objects of a notebook, in order."""
    from coursekit.exercises.exercise import Exercise

    module = importlib.import_module(f"coursekit.exercises.{notebook}")
    return [value for value in vars(module).values() if isinstance(value, Exercise)]


def check(number: str, answer: Any = None) -> None:
    """Say in one line whether an answer is right: "· 04.1 not yet", "✓ 04.1 ..." or "✗ 04.1 ...".

    A wrong answer is shown on the smallest arguments at which it is wrong, as (Hypothesis) shrinking finds them, with
    what came, what was expected, and a hint if the mistake is a known one. Whatever the answer does, a call that takes
    too long, an error, a flood of prints, is told in words and ends there.

    Args:
        number: such as "04.1".
        answer: what the exercise asks for, a function or a value; None, ... or a function without a body: not yet.

    Raises:
        TypeError, ValueError: there is no exercise of this number.
    """
    sign, text = judge(number, answer)
    if sign == DONE:
        text += _keep(number)
    say(f"{sign} {number} {text}")


def grade(number: str, answer: Any = None) -> None:
    """`check` for an automatic grader: silent if the answer is right.

    Raises:
        ExerciseError: it is not; the message is `check`'s line.
        TypeError, ValueError: as `check`.
    """
    sign, text = judge(number, answer)
    if sign != DONE:
        raise ExerciseError(f"{sign} {number} {text}")


def judge(number: str, answer: Any) -> tuple[str, str]:
    """The sign and the text of `check`'s line. Raises as `check`."""
    exercise = load(number)
    if exercise.reference is None:
        return OPEN, f'open question: compare with solution("{number}")'
    if answer is None or answer is ...:
        return OPEN, "not yet"
    from coursekit.exercises.search import verdict

    return verdict(exercise, answer)


def hint(number: str) -> None:
    """Print the exercise's hint. Raises as `check`."""
    say(f"{number} {load(number).hint or 'has no hint'}")


def solution(number: str) -> None:
    """Print the reference solution, or what an open question should have shown.

    An instructor hides them: COURSEKIT_SOLUTIONS=hidden.

    Raises:
        TypeError, ValueError: as `check`, or COURSEKIT_SOLUTIONS is neither "shown" nor "hidden".
    """
    from coursekit.checks import check_choice
    from coursekit.exercises.cells import cells

    exercise = load(number)
    switch = os.environ.get("COURSEKIT_SOLUTIONS") or "shown"
    check_choice("COURSEKIT_SOLUTIONS", switch, ("shown", "hidden"))
    if switch == "hidden":
        say(f"{number} solutions are hidden here (COURSEKIT_SOLUTIONS=hidden)")
    elif exercise.reference is None:
        say(f"{number} {exercise.expected}")
    else:
        say(cells(number.partition(".")[0])[number].solved)


def progress() -> None:
    """Print which exercises `check` has found solved, a line for each notebook. Nothing leaves this computer."""
    folder = progress_folder()
    for notebook in available():
        numbers = [exercise.number for exercise in exercises_of(notebook) if exercise.reference is not None]
        signs = "".join(DONE if os.path.exists(folder / number) else OPEN for number in numbers)
        say(f"{notebook} {signs} {signs.count(DONE)} of {len(numbers)}")
    say(f"kept in {folder}")


def progress_folder() -> Path:
    """Where a file for each solved exercise is kept: COURSEKIT_PROGRESS, or .coursekit/progress in the home folder,
    for a user without one in the folder for temporary files."""
    home = os.path.expanduser("~")
    home = tempfile.gettempdir() if home == "~" else home
    return Path(os.environ.get("COURSEKIT_PROGRESS") or Path(home) / ".coursekit" / "progress")


def _keep(number):
    """Note that an exercise is solved: a file of its own, so that two notebooks never write the same one; it
    appears whole or not at all. What to add to the line if that fails."""
    folder = progress_folder()
    target = folder / re.sub(r"[^0-9.]", "", number)
    if os.path.exists(target):  # where the folder may not be entered, Path.exists raises
        return ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{datetime.now().isoformat(timespec='seconds')}\n")
            os.replace(name, target)
        except OSError:
            with suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        return f" (but this could not be noted in {folder}: {error.strerror})"
    return ""

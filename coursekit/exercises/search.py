"""The smallest case at which an answer is wrong, and the hint that fits it."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Flaky, FlakyFailure

from coursekit.exercises.compare import in_words, is_numeric, kind, plain, same
from coursekit.exercises.exercise import Exercise
from coursekit.exercises.watched import OutOfTime, Printed, Refused, call

__all__ = ["verdict"]

CASES = 100  # tried on a right answer
PATIENCE = 10.0  # seconds that an answer may take for all cases together; those that are over by then count
OTHERS = 30  # by which mistakes are told from each other
SETTINGS = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    verbosity=Verbosity.quiet,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


@dataclass(frozen=True)
class Case:
    """Arguments, what the answer made of them, and what the reference does; ``problem`` in place of an outcome."""

    arguments: Mapping[str, Any]
    got: Any
    expected: Any
    problem: str = ""


class _Wrong(Exception):
    pass


def verdict(exercise: Exercise, answer: Any) -> tuple[str, str]:
    """The sign and the text of the line that answers.

    Args:
        exercise: with a reference.
        answer: of the student, not None.
    """
    if exercise.apply is None and not callable(answer):
        return "✗", f"asks for a function; got {kind(answer)}"
    printed, last, others, spent = Printed(), {}, [], 0.0

    def tried(arguments):
        nonlocal spent
        last["arguments"] = arguments
        expected = exercise.outcome(exercise.reference, arguments)
        start = monotonic()
        try:
            got, problem = call(exercise.outcome, answer, arguments, exercise.seconds, printed), ""
        except Refused as refusal:
            got, problem = None, str(refusal)
        spent += monotonic() - start
        if got is None and not problem and expected is not None and "answered" not in last:
            raise _NotYet
        if got is not None:
            last["answered"] = True
        return Case(arguments, got, expected, problem)

    def search(arguments):
        if spent > PATIENCE:  # no more cases, and no smaller ones
            if "wrong" in last and same(arguments, last["wrong"].arguments, 0):
                raise _Wrong
            return
        case = tried(arguments)
        if case.problem or not same(case.got, case.expected, exercise.tolerance):
            last["wrong"] = case
            raise _Wrong

    def look_elsewhere(arguments):
        if spent < PATIENCE:
            others.append(tried(arguments))

    try:
        try:
            _run(search, exercise, CASES)
        except _Wrong:
            _run(look_elsewhere, exercise, OTHERS)
            return "✗", _told(exercise, [last["wrong"], *others], printed)
    except _NotYet:
        return "·", "not yet"
    except (Flaky, FlakyFailure):
        return "✗", (
            "gives two different outcomes for the same arguments: it must not use random numbers of its own, "
            "nor keep anything from call to call"
        )
    except OutOfTime:
        return "✗", f"{_arguments(last['arguments'])}still running after {exercise.seconds:g} s, and was stopped"
    return "✓", f"right{_noise(printed)}"


def _run(test, exercise, cases):
    """Call test on so many cases; if it raises `_Wrong`, on ever smaller ones."""
    if exercise.cases is None:
        return test({})
    return settings(SETTINGS, max_examples=cases)(given(exercise.cases)(lambda arguments: test(arguments)))()


class _NotYet(BaseException):
    """The answer gives nothing; not an Exception, so that no smaller case of it is searched."""


def _told(exercise, cases, printed):
    """About the first of the cases, which is the smallest; the others tell mistakes from each other."""
    case = cases[0]
    if case.problem:
        form = "; has it the form that the cell asks for?" if exercise.apply else ""
        return f"{_arguments(case.arguments)}{case.problem}{form}{_noise(printed)}"
    whole = [case for case in cases if not case.problem]
    got, expected = plain(case.got), plain(case.expected)
    text = f"{_arguments(case.arguments)}got {in_words(got)}, expected {in_words(expected)}"
    advice = _known_mistake(exercise, whole) or _general(got, expected, whole)
    return text + f". {advice}" * bool(advice) + _noise(printed)


def _arguments(arguments):
    return f"{', '.join(f'{name} = {in_words(value)}' for name, value in arguments.items())}: " if arguments else ""


def _noise(printed):
    return f" (what it prints, {printed.characters:,} characters, is not shown)" if printed.characters else ""


def _known_mistake(exercise, cases):
    """The hint of the mistake that gives what this answer gives, wherever it was tried."""
    for mistake in exercise.mistakes.values():
        if all(_equals(exercise, mistake, case) for case in cases):
            return mistake.hint
    return ""


def _equals(exercise, mistake, case):
    try:
        return same(case.got, exercise.outcome(mistake.answer, case.arguments), exercise.tolerance)
    except Exception:  # where the mistake itself stops, it gives nothing to compare
        return False


def _general(got, expected, cases):
    """A hint that needs no knowledge of the exercise."""
    if isinstance(expected, np.ndarray) and isinstance(got, (list, tuple)) and is_numeric(got):
        got = np.asarray(got)  # a list is as good as an array
    if kind(got) != kind(expected) and not isinstance(expected, (list, tuple, Mapping)):
        return f"It gives {kind(got)}, where {kind(expected)} is expected."
    if isinstance(expected, (list, tuple)) and hasattr(got, "__len__") and len(got) != len(expected):
        return f"It gives {len(got)} things, where {len(expected)} are expected."
    pairs = [(plain(case.got), plain(case.expected)) for case in cases]
    pairs = [
        pair for pair in pairs if all(is_numeric(side) for side in pair) and np.shape(pair[0]) == np.shape(pair[1])
    ]
    if not pairs or len(pairs) < len(cases):
        return ""
    ours, theirs = (np.concatenate([np.ravel(pair[side]) for pair in pairs]) for side in (0, 1))
    if not np.isfinite(ours).all():
        return "It gives numbers that are not finite."
    if not theirs.any() or not ours.any():
        return ""
    factor = ours @ theirs / (theirs @ theirs)
    if np.allclose(ours, factor * theirs, rtol=1e-4, atol=1e-4):
        return "The sign is wrong." if np.isclose(factor, -1) else "It is off by a constant factor."
    return "It is off by a constant term." if np.ptp(ours - theirs) < 1e-4 else ""

"""What check, hint, solution and progress say, and what a hostile answer may not do."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from coursekit.exercises import (
    ExerciseError,
    answers,
    check,
    exercise,
    grade,
    hint,
    progress,
    search,
    solution,
    watched,
)
from coursekit.exercises.exercise import Exercise, Mistake, vectors


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_PROGRESS", str(tmp_path / "progress"))
    monkeypatch.delenv("COURSEKIT_SOLUTIONS", raising=False)
    return tmp_path / "progress"


def leaky(a):
    return np.where(a > 0, a, 0.1 * a)


def test_a_right_answer_is_told_and_kept(folder, capsys):
    check("01.1", leaky)
    assert capsys.readouterr().out == "✓ 01.1 right\n"
    assert [path.name for path in folder.iterdir()] == ["01.1"]
    progress()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("01 ✓···") and lines[0].endswith("1 of 4") and lines[-1] == f"kept in {folder}"


@pytest.mark.parametrize("answer", [None, ..., lambda a: None])
def test_what_is_not_there_yet_is_no_mistake(answer, folder, capsys):
    check("01.1", answer)
    assert capsys.readouterr().out == "· 01.1 not yet\n"
    assert not folder.exists()


def test_a_wrong_answer_is_shown_where_it_is_smallest(folder, capsys):
    check("01.1", lambda a: np.maximum(a, 0))
    assert capsys.readouterr().out == (
        "✗ 01.1 a = [-0.25]: got [0], expected [-0.025]. "
        "This is the ReLU: its negative side is flat, yours should fall.\n"
    )
    assert not folder.exists()


def endless(a):
    while True:
        pass


def endless_numpy(a):
    while True:
        np.ones(100) @ np.ones(100)


def stubborn(a):
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass


def recursive(a):
    return recursive(a)


def flood(a):
    for _ in range(100):
        print("x" * 1000)
        print("y" * 1000, file=sys.stderr)
    return leaky(a)


def changed(a):
    a[a < 0] *= 0.1
    return a


HOSTILE = {
    "endless loop": (endless, "a = [0]: still running after 2 s, and was stopped"),
    "endless loop in NumPy": (endless_numpy, "a = [0]: still running after 2 s, and was stopped"),
    "waits": (lambda a: time.sleep(1000), "a = [0]: still running after 2 s, and was stopped"),
    "catches every Exception": (stubborn, "a = [0]: still running after 2 s, and was stopped"),
    "calls itself": (recursive, "a = [0]: it calls itself without end"),
    "leaves Python": (lambda a: sys.exit(), "a = [0]: it tries to leave Python"),
    "crash": (
        lambda a: a[10],
        "a = [0]: IndexError: index 10 is out of bounds for axis 0 with size 1 (line 1 of <lambda>)",
    ),
    "changes its argument": (changed, "a = [-0.25]: it changes its argument a, to [-0.025]; work on a copy"),
    "text": (
        lambda a: "yes",
        "a = [0]: got 'yes', expected [0]. It gives a str, where an array of shape (1,) is expected.",
    ),
    "other shape": (
        lambda a: leaky(a)[:, None],
        "a = [0]: got [[0]], expected [0]. It gives an array of shape (1, 1), where an array of shape (1,) is expected.",
    ),
    "too many arguments": (
        lambda a, b: a,
        "a = [0]: TypeError: <lambda>() missing 1 required positional argument: 'b'",
    ),
    "a number": (3, "asks for a function; got a number"),
    "sign": (lambda a: -leaky(a), "a = [0.25]: got [-0.25], expected [0.25]. The sign is wrong."),
    "factor": (lambda a: 3 * leaky(a), "a = [0.25]: got [0.75], expected [0.25]. It is off by a constant factor."),
    "term": (lambda a: leaky(a) + 1, "a = [0]: got [1], expected [0]. It is off by a constant term."),
    "not finite": (
        lambda a: leaky(a) + np.inf,
        "a = [0]: got [inf], expected [0]. It gives numbers that are not finite.",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_are_told_in_words(name, capsys):
    answer, told = HOSTILE[name]
    check("01.1", answer)
    captured = capsys.readouterr()
    assert captured.out == f"✗ 01.1 {told}\n" and not captured.err


def test_prints_are_counted_and_not_shown(capsys):
    check("01.1", flood)
    captured = capsys.readouterr()
    assert captured.out == "✓ 01.1 right (what it prints, 20,020,000 characters, is not shown)\n"
    assert not captured.err


def test_an_answer_that_changes_its_mind(monkeypatch):
    calls = []

    def moody(a):
        calls.append(a)
        return leaky(a) + (len(calls) == 1)

    assert search.verdict(answers.load("01.1"), moody)[1].startswith("gives two different outcomes")


def test_a_slow_answer_is_tried_on_fewer_cases(monkeypatch):
    calls = []
    monkeypatch.setattr(search, "PATIENCE", 0.2)

    def slow(a):
        calls.append(a)
        time.sleep(0.1)
        return leaky(a)

    exercise = answers.load("01.1")
    assert search.verdict(exercise, slow) == ("✓", "right") and 0 < len(calls) < 50
    calls.clear()
    assert search.verdict(exercise, lambda a: slow(a) + 1)[0] == "✗" and len(calls) < 50


def test_a_reference_that_takes_long_costs_no_cases(monkeypatch):
    """As one does that imports Keras first: a wrong answer must not pass for want of time."""
    monkeypatch.setattr(search, "PATIENCE", 0.2)
    known = []

    def reference(a):
        time.sleep(0.0 if known else 0.5)
        known.append(a)
        return leaky(a)

    slow = Exercise("01.1", reference, {"a": vectors()})
    assert search.verdict(slow, lambda a: leaky(a) + (len(a) == 3))[0] == "✗"


def test_the_readers_own_interrupt_still_interrupts():
    def interrupted(a):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("01.1", interrupted)


def test_the_interrupt_handler_is_put_back():
    import signal

    before = signal.getsignal(signal.SIGINT)
    check("01.1", endless)
    assert signal.getsignal(signal.SIGINT) is before


def test_values_are_judged_by_what_they_do(capsys):
    for neuron in ((1, 1, -1.5), [2, 3, -4], np.array([0.5, 0.5, -0.7])):
        check("01.2", neuron)
        assert capsys.readouterr().out == "✓ 01.2 right\n"
    check("01.2", (1, 2))
    assert capsys.readouterr().out.endswith("has it the form that the cell asks for?\n")


def test_grade_raises_for_what_is_not_right():
    assert grade("01.1", leaky) is None
    with pytest.raises(ExerciseError, match="✗ 01.1 a = .*This is the ReLU"):
        grade("01.1", lambda a: np.maximum(a, 0))
    with pytest.raises(ExerciseError, match="· 01.1 not yet"):
        grade("01.1")


@pytest.mark.parametrize("number", ["99.1", "01", "01.99", "", "../x.1"])
def test_an_unknown_number(number):
    with pytest.raises(ValueError, match="number must be"):
        check(number, leaky)


def test_a_number_must_be_a_text():
    with pytest.raises(TypeError, match="number must be a text"):
        check(1.1, leaky)


def test_hint_and_solution(monkeypatch, capsys):
    hint("01.1")
    assert capsys.readouterr().out == "01.1 np.where(condition, these, those) chooses number by number.\n"
    solution("01.1")
    shown = capsys.readouterr().out
    namespace = {"np": np}
    exec(shown, namespace)
    np.testing.assert_allclose(namespace["leaky_relu"](np.array([-1.0, 2.0])), [-0.1, 2.0])
    assert "SOLUTION" not in shown
    monkeypatch.setenv("COURSEKIT_SOLUTIONS", "hidden")
    solution("01.1")
    assert "hidden" in (hidden := capsys.readouterr().out) and "where" not in hidden
    monkeypatch.setenv("COURSEKIT_SOLUTIONS", "no")
    with pytest.raises(ValueError, match="COURSEKIT_SOLUTIONS must be one of shown, hidden; got 'no'"):
        solution("01.1")


def test_progress_that_cannot_be_kept_is_said(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("COURSEKIT_PROGRESS", str(tmp_path / "file"))
    check("01.1", leaky)
    assert "but this could not be noted" in capsys.readouterr().out


def test_progress_is_written_whole_or_not_at_all(folder, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    check("01.1", leaky)
    assert "No space left on device" in capsys.readouterr().out
    assert not list(folder.iterdir())


def test_importing_is_quick_and_does_not_bring_hypothesis():
    import subprocess

    code = "import sys, coursekit.exercises; print('hypothesis' in sys.modules, 'keras' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(answers.FOLDER).parents[1]
    )
    assert done.stdout == "False False\n" and not done.stderr


def test_general_hints_do_not_hide_a_known_mistake():
    negated = Exercise(
        "01.1", leaky, {"a": vectors()}, mistakes={"sign": Mistake(lambda a: -leaky(a), "Mind the direction.")}
    )
    assert search.verdict(negated, lambda a: -leaky(a))[1].endswith("Mind the direction.")


def test_the_order_of_the_arguments_is_that_of_the_exercise():
    ordered = Exercise("01.1", lambda z, a: z - a, {"z": exercise.numbers(), "a": st.just(1.0)})
    assert search.verdict(ordered, lambda z, a: z - a)[0] == "✓"
    assert search.verdict(ordered, lambda a, z: z - a)[0] == "✗"


def test_a_return_that_one_branch_forgets_is_shown():
    """Where other cases were answered, None is an answer, too."""

    def forgetful(a):
        if not a.any():
            return a

    sign, line = search.verdict(Exercise("01.1", leaky, {"a": vectors()}), forgetful)
    assert sign == "✗" and "got None" in line


def test_a_list_is_not_blamed_for_being_one():
    doubled = Exercise("01.1", leaky, {"a": vectors()})
    sign, line = search.verdict(doubled, lambda a: [2 * number for number in leaky(a)])
    assert sign == "✗" and line.endswith("It is off by a constant factor.")
    assert search.verdict(doubled, lambda a: list(leaky(a)))[0] == "✓"


def test_a_time_limit_that_strikes_as_the_call_ends(monkeypatch):
    class Late(threading.Event):
        """Interrupted once, as by the clock, before it is set."""

        struck = True

        def set(self):
            if not Late.struck:
                Late.struck = True
                raise watched.OutOfTime
            super().set()

    before, threads = signal.getsignal(signal.SIGINT), threading.active_count()
    monkeypatch.setattr(threading, "Event", Late)
    with watched.time_limit(100):
        Late.struck = False
    assert Late.struck and signal.getsignal(signal.SIGINT) is before
    assert threading.active_count() == threads

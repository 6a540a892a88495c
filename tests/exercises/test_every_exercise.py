"""Each exercise: its solution passes, its stub is not yet an answer, and each known mistake is told by its own hint."""

import numpy as np
import pytest

from coursekit.exercises import answers
from coursekit.exercises.cells import BEGIN, END, YOURS, cells, stub

EXERCISES = {
    exercise.number: exercise for notebook in answers.available() for exercise in answers.exercises_of(notebook)
}
CLOSED = [number for number, exercise in EXERCISES.items() if exercise.reference is not None]
MISTAKES = [(number, name) for number in CLOSED for name in EXERCISES[number].mistakes]


def answer_of(source, number):
    namespace = {"np": np}
    exec(source, namespace)
    return namespace[cells(number[:2])[number].answer]


@pytest.mark.parametrize("notebook", answers.available())
def test_a_notebook_has_three_to_seven_and_numbers_them(notebook):
    numbers = [exercise.number for exercise in answers.exercises_of(notebook)]
    assert numbers == [f"{notebook}.{place}" for place in range(1, len(numbers) + 1)]
    assert list(cells(notebook)) == numbers and 3 <= len(numbers) <= 7
    assert sum(number in CLOSED for number in numbers) >= 2  # those that answer back


@pytest.mark.parametrize("number", EXERCISES)
def test_its_text_is_whole(number):
    exercise, cell = EXERCISES[number], cells(number[:2])[number]
    assert cell.title and cell.task and exercise.hint.endswith((".", "?", "!"))
    if exercise.reference is None:
        assert exercise.expected and not cell.marked and not exercise.mistakes
    else:
        assert len(exercise.mistakes) >= 2 and cell.marked.count(BEGIN) == cell.marked.count(END) == 1
        assert len({mistake.hint for mistake in exercise.mistakes.values()}) == len(exercise.mistakes)
        assert max(map(len, cell.marked.splitlines())) <= 96  # it stands in a notebook
    assert max(map(len, cell.stub.splitlines()), default=0) <= 96


@pytest.mark.parametrize("number", CLOSED)
def test_the_solution_passes_as_it_is_shown(number):
    sign, text = answers.judge(number, answer_of(cells(number[:2])[number].solved, number))
    assert (sign, text[:5]) == ("✓", "right")


@pytest.mark.parametrize("number", CLOSED)
def test_the_stub_is_not_yet_an_answer(number):
    cell = cells(number[:2])[number]
    assert YOURS in cell.stub and answers.judge(number, answer_of(cell.stub, number)) == ("·", "not yet")


@pytest.mark.parametrize("number, name", MISTAKES)
def test_a_known_mistake_gets_its_own_hint(number, name):
    mistake = EXERCISES[number].mistakes[name]
    sign, text = answers.judge(number, mistake.answer)
    assert sign == "✗" and text.endswith(mistake.hint)
    assert "\n" not in text and len(text) < 600


@pytest.mark.parametrize("marked", [BEGIN, f"{BEGIN}\nx = 1\n{BEGIN}", f"{END}\nx = 1", f"{BEGIN}\n{END}\n{END}"])
def test_markers_must_pair_up(marked):
    with pytest.raises(ValueError, match="must be followed by"):
        stub(marked)


def test_a_stub_keeps_what_is_outside_the_markers():
    marked = f"def f(x):\n    {BEGIN}\n    return x\n    {END}\n\ny = 1"
    assert stub(marked) == f"def f(x):\n    {YOURS}\n\ny = 1"

"""What an exercise is: a reference solution, cases to try it on, and the mistakes one makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

__all__ = ["Exercise", "Mistake", "matrices", "numbers", "vectors"]


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer; whoever gives the same outputs gets its hint.

    Attributes:
        answer: what stands in place of the reference: a function, or a value.
        hint: one line that points at the mistake and does not give the solution.
    """

    answer: Any
    hint: str


@dataclass(frozen=True)
class Exercise:
    """One exercise and how its answer is judged.

    Attributes:
        number: notebook and place, such as "04.1".
        reference: the solution: a function, or a value. None for an open question.
        given: a strategy for each argument, in order; or one strategy of such dictionaries, where the
            arguments depend on each other. Empty: there is one case, without arguments.
        hint: one line for `hint`.
        mistakes: by name; at least two, unless the question is open.
        apply: from an answer and the arguments to what is compared; by default the answer is called with them.
            For a value it says what that value does, so that every right value passes.
        expected: for an open question, what one should have seen, in words.
        tolerance: largest relative difference of numbers that counts as equal.
        seconds: that one call may take.
    """

    number: str
    reference: Any = None
    given: Mapping[str, st.SearchStrategy] | st.SearchStrategy = field(default_factory=dict)
    hint: str = ""
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    apply: Callable[..., Any] | None = None
    expected: str = ""
    tolerance: float = 1e-5
    seconds: float = 2.0

    def outcome(self, answer: Any, arguments: Mapping[str, Any]) -> Any:
        """What is compared, for this answer."""
        if self.apply is None:
            return answer(*arguments.values())
        return self.apply(answer, *arguments.values())

    @property
    def cases(self) -> st.SearchStrategy | None:
        """A strategy of dictionaries, the arguments by name in their order; None where there are none."""
        if isinstance(self.given, st.SearchStrategy):
            return self.given
        given = dict(self.given)
        return st.fixed_dictionaries(given).map(lambda case: {name: case[name] for name in given}) if given else None


def numbers(low: float = -5, high: float = 5) -> st.SearchStrategy[float]:
    """Quarters in [low, high]: exact in floating point, and short to read."""
    return st.integers(round(4 * low), round(4 * high)).map(lambda quarters: quarters / 4)


def vectors(length: int | st.SearchStrategy[int] | None = None, low: float = -5, high: float = 5) -> st.SearchStrategy:
    """Arrays (length,) of `numbers`; 1 ... 4 of them unless a length, or a strategy of lengths, is given."""
    return hnp.arrays(np.float64, st.integers(1, 4) if length is None else length, elements=numbers(low, high))


def matrices(
    rows: int | None = None, columns: int | None = None, low: float = -5, high: float = 5
) -> st.SearchStrategy:
    """Arrays (rows, columns) of `numbers`; 1 ... 3 of each unless given."""
    sides = st.tuples(*(st.integers(1, 3) if side is None else st.just(side) for side in (rows, columns)))
    return sides.flatmap(lambda shape: hnp.arrays(np.float64, shape, elements=numbers(low, high)))

"""Claims: the results that a notebook states, measured in the run and held to a bound.

The text, the bound and the verdict of a claim are the same on every machine; only the measured
figure may differ, and it is the only thing that the notebook check masks.
"""

import math
from numbers import Number, Real
from typing import Any

from coursekit.environment import say

__all__ = ["ClaimError", "claim"]


class ClaimError(AssertionError):
    """A claim whose measured value lies outside its bound."""


def claim(
    name: str,
    measured: Any,
    *,
    at_least: Real | None = None,
    at_most: Real | None = None,
    between: tuple[Real, Real] | None = None,
    equals: Any = None,
    tolerance: Real = 0,
) -> None:
    """State a measured result together with its bound, and check it.

    Prints one line such as ``✓ test error of LeNet-5: 0.0093 ≤ 0.02``. NaN meets no bound, and infinity
    none but one that is infinite itself.

    Args:
        name: what was measured, in the words of the text.
        measured: a number; with ``equals`` and no tolerance also a tuple, a string or a truth value.
        at_least, at_most, between, equals: the bound; exactly one of them.
        tolerance: the largest distance from ``equals`` that is accepted; 0 asks for equality.

    Raises:
        ClaimError: the claim does not hold.
        TypeError, ValueError: measured is not one number, or there is not exactly one bound.
    """
    if not name or "\n" in name:
        raise ValueError(f"name must be one line of text; got {name!r}")
    bounds = {"at_least": at_least, "at_most": at_most, "between": between, "equals": equals}
    given = [key for key, bound in bounds.items() if bound is not None]
    if len(given) != 1:
        raise ValueError(f"claim needs exactly one of {', '.join(bounds)}; got {', '.join(given) or 'none'}")
    if tolerance < 0 or (tolerance and equals is None):
        raise ValueError(f"tolerance must be >= 0 and goes with equals; got {tolerance!r}")
    measured = _plain("measured", measured)

    if equals is not None and not tolerance:
        equals = _plain("equals", equals)
        holds, relation, figure = measured == equals, f"= {equals}", f"{measured}"
    else:
        if not isinstance(measured, Real) or isinstance(measured, bool):
            raise TypeError(f"measured must be one number; got {measured!r}")
        figure = f"{measured}" if isinstance(measured, int) else f"{measured:.4g}"
        if at_least is not None:
            holds, relation = measured >= at_least, f"≥ {at_least:g}"
        elif at_most is not None:
            holds, relation = measured <= at_most, f"≤ {at_most:g}"
        elif between is not None:
            low, high = between
            if not low <= high:
                raise ValueError(f"between must be (low, high) with low <= high; got {between!r}")
            holds, relation = low <= measured <= high, f"in [{low:g}, {high:g}]"
        else:
            holds, relation = abs(measured - equals) <= tolerance, f"≈ {equals:g} ± {tolerance:g}"
        named = [bound for bound in (at_least, at_most, equals, *(between or ())) if bound is not None]
        holds &= math.isfinite(measured) or measured in named
    if not holds:  # NaN compares false with everything
        figure = f"{measured:.10g}" if isinstance(measured, float) else figure  # no near miss rounded away
        raise ClaimError(f"{name}: {figure}, claimed {relation}")
    say(f"✓ {name}: {figure} {relation}")


def _plain(name, value):
    """A NumPy, Keras or TensorFlow scalar as a Python number; tuples and text as they are."""
    if isinstance(value, tuple):
        return tuple(_plain(name, entry) for entry in value)
    if isinstance(value, (Number, str)) and not hasattr(value, "item"):
        return value
    if getattr(value, "shape", None) == ():
        return value.item() if hasattr(value, "item") else value.numpy().item()
    raise TypeError(f"{name} must be one number, a tuple or a text; got {type(value).__name__}: {value!r}")

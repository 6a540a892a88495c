"""Whether two outcomes are equal, and how they read in one line."""

from collections.abc import Mapping
from numbers import Number
from typing import Any

import numpy as np

__all__ = ["in_words", "is_numeric", "kind", "plain", "same"]

LONGEST = 200  # characters of one value on a line


def plain(value: Any) -> Any:
    """Tensors and NumPy scalars as arrays and numbers; the rest as it is."""
    if hasattr(value, "__array__") and not isinstance(value, np.ndarray):
        value = np.asarray(value)
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def same(got: Any, expected: Any, tolerance: float) -> bool:
    """Equal, numbers up to this relative difference (and as much absolute difference below 1); NaN equals NaN.

    Lists and tuples are taken for each other, and for arrays of the same shape.
    """
    got, expected = plain(got), plain(expected)
    if isinstance(expected, Mapping):
        return (
            isinstance(got, Mapping)
            and got.keys() == expected.keys()
            and all(same(got[key], expected[key], tolerance) for key in expected)
        )
    if isinstance(expected, (str, bytes, type(None))) or isinstance(got, (str, bytes, type(None))):
        return type(got) is type(expected) and got == expected
    if isinstance(expected, (list, tuple)):
        return (
            isinstance(got, (list, tuple, np.ndarray))
            and len(got) == len(expected)
            and all(same(a, b, tolerance) for a, b in zip(got, expected))
        )
    try:
        a, b = np.asarray(got), np.asarray(expected)
        if a.shape != b.shape or "O" in (a.dtype.kind, b.dtype.kind):
            return a.shape == b.shape and bool(np.all(a == b))
        return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True))
    except (TypeError, ValueError):
        return False


def in_words(value: Any) -> str:
    """A value on one line, no longer than a screen."""
    value = plain(value)
    if isinstance(value, Mapping):
        text = ", ".join(f"{key}: {in_words(entry)}" for key, entry in value.items())
    elif isinstance(value, tuple):
        text = f"({', '.join(map(in_words, value))})"
    elif isinstance(value, (list, np.ndarray)) and is_numeric(value):
        short = {"float_kind": lambda number: f"{number + 0:.4g}", "bool": str}
        text = np.array2string(np.asarray(value), separator=", ", max_line_width=10**6, threshold=40, formatter=short)
    elif isinstance(value, list):
        text = f"[{', '.join(map(in_words, value))}]"
    elif isinstance(value, float):
        text = f"{value + 0:.6g}"  # no -0
    else:
        text = repr(value)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def kind(value: Any) -> str:
    """What sort of thing it is: "a number", "an array of shape (2, 3)", "a str"."""
    value = plain(value)
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, Number):
        return "a number"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def is_numeric(value: Any) -> bool:
    """A number, or an array or list of numbers."""
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except ValueError:
        return False

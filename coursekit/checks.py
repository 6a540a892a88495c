"""Checks of arguments that several rooms share: each error names the argument, what came and what is accepted."""

import math
from collections.abc import Collection, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

__all__ = ["check_array", "check_choice", "check_integer", "check_number", "check_sizes"]


def check_integer(name: str, value: Any, *, at_least: int, at_most: int | None = None) -> None:
    """Raise TypeError unless the value is an integer, ValueError unless it is in its range."""
    bounds = f">= {at_least}" if at_most is None else f"in {at_least} ... {at_most}"
    message = f"{name} must be an integer {bounds}; got {value!r}"
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(message)
    if value < at_least or (at_most is not None and value > at_most):
        raise ValueError(message)


def check_number(name: str, value: Any, *, at_most: float = math.inf, positive: bool = False) -> None:
    """Raise TypeError unless the value is a real number, ValueError unless it is finite, >= 0 and at most ``at_most``.

    Args:
        positive: refuse 0 too.
    """
    bounds = f"{'>' if positive else '>='} 0" + f" and <= {at_most}" * (at_most < math.inf)
    message = f"{name} must be a number {bounds}; got {value!r}"
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(message)
    if not 0 <= value <= at_most or value == math.inf or (positive and value == 0):
        raise ValueError(message)


def check_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """Raise ValueError unless the value is one of the choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}")


def check_sizes(**sizes: Any) -> None:
    """Raise ValueError unless every argument is a sequence of integers >= 1."""
    for name, numbers in sizes.items():
        if (
            not isinstance(numbers, Sequence)
            or isinstance(numbers, str)
            or not all(isinstance(n, Integral) and n >= 1 for n in numbers)
        ):
            raise ValueError(f"{name} must be integers >= 1 in a tuple; got {numbers!r}")


def check_array(name: str, x: Any, shape: Sequence[int | None]) -> np.ndarray:
    """x as an array, or ValueError unless it holds examples of this shape; None allows any length."""
    x = np.asarray(x)
    if (
        x.ndim != 1 + len(shape)
        or not len(x)
        or any(length not in (None, actual) for actual, length in zip(x.shape[1:], shape))
    ):
        wanted = ", ".join(map(str, ("n", *shape)))
        raise ValueError(f"{name} must have the shape ({wanted}) with n >= 1; got {x.shape}")
    return x

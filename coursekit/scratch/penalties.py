"""Penalties Omega(theta) on the weights, never on the biases (slides "Penalized empirical risk")."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Penalty", "l1", "l2"]


@dataclass(frozen=True)
class Penalty:
    """Omega(W) of one weight matrix of any shape, and its gradient of the same shape."""

    name: str
    function: Callable[[np.ndarray], float]
    gradient: Callable[[np.ndarray], np.ndarray]

    def __call__(self, W: np.ndarray) -> float:
        return self.function(W)


l2 = Penalty("l2", lambda W: np.sum(W**2), lambda W: 2 * W)
l1 = Penalty("l1", lambda W: np.sum(np.abs(W)), np.sign)

"""Loss functions l(f(x, theta), y) with their gradients (slides "Loss functions").

Targets ``y`` and outputs ``f`` have the shape (batch, outputs); classes are one-hot rows.
A loss is a sum over the outputs and a vector over the batch: the caller takes the mean.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from coursekit.scratch.activations import Activation, log_softmax, sigmoid, softmax

__all__ = ["Loss", "binary_cross_entropy", "cross_entropy", "squared_error"]


@dataclass(frozen=True)
class Loss:
    """A loss l(y, f), its gradient dl/df, and the output activation that belongs to it.

    With the `partner` activation (sigmoid or softmax) the exponentials cancel: the loss is
    computed from the scores ``a`` without ever taking the logarithm of 0, and dl/da = f - y (softmax: where
    each row of y sums to 1).
    """

    name: str
    function: Callable[[np.ndarray, np.ndarray], np.ndarray]
    gradient: Callable[[np.ndarray, np.ndarray], np.ndarray]
    partner: Activation | None = None
    from_scores: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None

    def __call__(self, y: np.ndarray, f: np.ndarray) -> np.ndarray:
        """The loss of each example: (batch, outputs) twice -> (batch,)."""
        return self.function(y, f)

    def at_scores(self, y: np.ndarray, a: np.ndarray, output_activation: Activation) -> np.ndarray:
        """The loss of each example, given the scores a^{(L+1)}: -> (batch,)."""
        if output_activation is self.partner:
            return self.from_scores(y, a)
        return self.function(y, output_activation(a))

    def delta(self, y: np.ndarray, a: np.ndarray, output_activation: Activation) -> np.ndarray:
        """delta = dl/da^{(L+1)}, where the backward pass begins: -> (batch, outputs)."""
        f = output_activation(a)
        if output_activation is self.partner:
            return f - y
        return output_activation.pull_back(a, self.gradient(y, f))


def _above_zero(f):
    return np.maximum(f, np.finfo(f.dtype).tiny)  # probabilities underflow; log(0) and 1/0 must not follow


def _log(f):
    return np.log(_above_zero(f))


squared_error = Loss("squared_error", lambda y, f: np.sum((y - f) ** 2, axis=-1), lambda y, f: -2 * (y - f))
binary_cross_entropy = Loss(
    "binary_cross_entropy",
    lambda y, f: -np.sum(y * _log(f) + (1 - y) * _log(1 - f), axis=-1),
    lambda y, f: (f - y) / _above_zero(f * (1 - f)),
    sigmoid,
    lambda y, a: np.sum(np.logaddexp(0, a) - y * a, axis=-1),
)
cross_entropy = Loss(
    "cross_entropy",
    lambda y, f: -np.sum(y * _log(f), axis=-1),
    lambda y, f: -y / _above_zero(f),
    softmax,
    lambda y, a: -np.sum(y * log_softmax(a), axis=-1),
)

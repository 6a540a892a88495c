"""Activation functions with their derivatives (slides "Activation functions").

Every function takes an array ``a`` of pre-activations of any shape and works element by element,
except `softmax`, which turns each row of scores into probabilities.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = [
    "Activation",
    "hard_threshold",
    "identity",
    "log_softmax",
    "log_sum_exp",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]


@dataclass(frozen=True)
class Activation:
    """An element-wise activation: call it for phi(a), ask `derivative` for phi'(a)."""

    name: str
    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]

    def __call__(self, a: np.ndarray) -> np.ndarray:
        return self.function(np.asarray(a))

    def pull_back(self, a: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """The chain rule: from dl/dphi(a) to dl/da."""
        return gradient * self.derivative(a)


class _Softmax(Activation):
    """Softmax mixes the entries of a row, so its derivative is a matrix per row."""

    def pull_back(self, a: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        f = self(a)
        return f * (gradient - np.sum(f * gradient, axis=-1, keepdims=True))


def _sigmoid(a):
    z = np.exp(-np.abs(a))  # never overflows
    return np.where(a >= 0, 1, z) / (1 + z)


def _softmax(a):
    z = np.exp(a - a.max(axis=-1, keepdims=True))  # the largest exponent is 0
    return z / z.sum(axis=-1, keepdims=True)


def _softmax_jacobian(a):
    f = _softmax(np.asarray(a))
    return f[..., :, None] * (np.eye(f.shape[-1]) - f[..., None, :])


def log_sum_exp(a: np.ndarray) -> np.ndarray:
    """log(sum_j exp(a_j)) over the last axis, without overflow: (batch, classes) -> (batch,)."""
    largest = np.max(a, axis=-1, keepdims=True)
    return np.squeeze(largest, -1) + np.log(np.sum(np.exp(a - largest), axis=-1))


def log_softmax(a: np.ndarray) -> np.ndarray:
    """log(softmax(a)) over the last axis, finite even where softmax(a) underflows to 0."""
    return a - log_sum_exp(a)[..., None]


identity = Activation("identity", lambda a: a, lambda a: np.ones_like(a))
sigmoid = Activation("sigmoid", _sigmoid, lambda a: _sigmoid(a) * _sigmoid(-np.asarray(a)))
tanh = Activation("tanh", np.tanh, lambda a: 1 - np.tanh(a) ** 2)
relu = Activation("relu", lambda a: np.maximum(a, 0), lambda a: np.heaviside(a, 0))
hard_threshold = Activation("hard_threshold", lambda a: np.heaviside(a, 1), lambda a: np.zeros_like(a))
softmax = _Softmax("softmax", _softmax, _softmax_jacobian)

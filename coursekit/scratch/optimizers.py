"""Stochastic gradient descent and two of its descendants
(slides "The stochastic gradient descent algorithm").

An optimizer changes a vector theta in place, one step at a time. Its learning rate is a number or
a function of the step r = 1, 2, ... such as the lecture's ``lambda r: 1 / r``.
"""

from collections.abc import Callable, Iterator
from numbers import Real

import numpy as np

from coursekit.scratch.perceptron import MLP

__all__ = ["Adam", "SGD", "batches", "fit"]

LearningRate = float | Callable[[int], float]


class SGD:
    """theta <- theta - epsilon_r * gradient, with momentum if asked for (Polyak 1964)."""

    def __init__(self, learning_rate: LearningRate = 0.1, momentum: float = 0.0):
        self.learning_rate, self.momentum = _checked(learning_rate), _share("momentum", momentum)
        self.steps, self.velocity = 0, 0.0

    def step(self, theta: np.ndarray, gradient: np.ndarray) -> None:
        """Move theta one step, in place."""
        self.steps += 1
        update = -self.learning_rate(self.steps) * gradient
        if self.momentum:
            update = self.velocity = self.momentum * self.velocity + update
        theta += update


class Adam:
    """Steps scaled by running means of the gradient and of its square (Kingma & Ba 2015, alg. 1)."""

    def __init__(
        self, learning_rate: LearningRate = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8
    ):
        self.learning_rate = _checked(learning_rate)
        self.beta_1, self.beta_2 = _share("beta_1", beta_1), _share("beta_2", beta_2)
        self.epsilon, self.steps = epsilon, 0

    def step(self, theta: np.ndarray, gradient: np.ndarray) -> None:
        """Move theta one step, in place."""
        self.steps += 1
        if self.steps == 1:
            self.mean, self.square = np.zeros_like(theta), np.zeros_like(theta)
        self.mean += (1 - self.beta_1) * (gradient - self.mean)
        self.square += (1 - self.beta_2) * (gradient**2 - self.square)
        mean = self.mean / (1 - self.beta_1**self.steps)
        square = self.square / (1 - self.beta_2**self.steps)
        theta -= self.learning_rate(self.steps) * mean / (np.sqrt(square) + self.epsilon)


def _checked(learning_rate):
    if callable(learning_rate):
        return learning_rate
    if not isinstance(learning_rate, Real) or not learning_rate > 0:
        raise ValueError(f"learning_rate must be > 0 or a function of the step; got {learning_rate!r}")
    return lambda r: learning_rate


def _share(name, value):
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be >= 0 and < 1; got {value!r}")
    return value


def batches(n: int, batch_size: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """One epoch: the indices 0 ... n-1 in random batches, each index exactly once.

    The last batch is smaller where batch_size does not divide n.

    Raises:
        ValueError: n or batch_size below 1.
    """
    if n < 1 or batch_size < 1:
        raise ValueError(f"n and batch_size must be >= 1; got n={n!r}, batch_size={batch_size!r}")
    order = generator.permutation(n)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]


def fit(
    model: MLP,
    x: np.ndarray,
    y: np.ndarray,
    *,
    optimizer: SGD | Adam,
    epochs: int,
    batch_size: int,
    seed: int = 0,
    on_epoch: Callable[[int, dict[str, float]], None] | None = None,
) -> dict[str, list[float]]:
    """Minimise the penalised risk by stochastic gradient descent.

    Args:
        x, y: examples (n, inputs) and targets (n, outputs).
        on_epoch: called with the epoch (from 0) and its logs, as Keras does; whatever it adds to
            the logs joins the history.

    Returns:
        The history: ``loss``, the mean over the epoch's batches, and what on_epoch added.

    Raises:
        ValueError: epochs or batch_size below 1, or x and y of different lengths.
    """
    if epochs < 1:
        raise ValueError(f"epochs must be >= 1; got {epochs!r}")
    if len(x) != len(y):
        raise ValueError(f"y must hold a target for each of {len(x)} examples; got {len(y)}")
    generator = np.random.default_rng(seed)
    history: dict[str, list[float]] = {}
    for epoch in range(epochs):
        total = 0.0
        for batch in batches(len(x), batch_size, generator):
            risk, gradient = model.risk_and_gradient(x[batch], y[batch])
            optimizer.step(model.theta, gradient)
            total += risk * len(batch)
        logs = {"loss": total / len(x)}
        if on_epoch:
            on_epoch(epoch, logs)
        for name, value in logs.items():
            history.setdefault(name, []).append(value)
    return history

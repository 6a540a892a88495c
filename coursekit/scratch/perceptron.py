"""The multilayer perceptron and its two passes (slides "Mathematical formulation" and
"Backpropagation algorithm for regression"), in the lecture's notation and for any loss."""

from collections.abc import Sequence

import numpy as np

from coursekit.scratch.activations import Activation, relu, softmax
from coursekit.scratch.losses import Loss, cross_entropy
from coursekit.scratch.penalties import Penalty

__all__ = ["MLP"]


class MLP:
    """A multilayer perceptron f(x, theta) with L hidden layers.

    ``theta`` is one long vector. ``W[k]``, with shape (neurons of layer k, neurons of layer k-1),
    and ``b[k]`` are windows into it for k = 1 ... L+1, so that changing one changes the other;
    ``gradient``, ``dW[k]`` and ``db[k]`` are laid out alike. Index 0 is the input, as in the lecture.

    Weights start as Gaussians of variance 2/n (ReLU: He et al. 2015, section 2.2) or 1/n
    (LeCun et al. 1998, "Efficient BackProp", section 4.6), n the neurons that feed the layer.

    Args:
        layers: neurons of each layer, input and output included: ``[784, 128, 10]``.
        activation: phi, of the hidden layers.
        output_activation: psi, of the output layer.
        loss: l(y, f).
        penalty: Omega, or None.
        penalty_weight: lambda >= 0, the weight of the penalty in the risk.
        seed: of the initial weights.
        dtype: float64 for checks, float32 for speed.

    Raises:
        ValueError: fewer than two layers, a layer without neurons, a negative penalty_weight, or a
            penalty without a weight and the reverse.
    """

    def __init__(
        self,
        layers: Sequence[int],
        *,
        activation: Activation = relu,
        output_activation: Activation = softmax,
        loss: Loss = cross_entropy,
        penalty: Penalty | None = None,
        penalty_weight: float = 0.0,
        seed: int = 0,
        dtype: type = np.float64,
    ):
        if len(layers) < 2 or min(layers) < 1:
            raise ValueError(f"layers must hold at least an input and an output size, each >= 1; got {layers!r}")
        if not penalty_weight >= 0:
            raise ValueError(f"penalty_weight must be >= 0; got {penalty_weight!r}")
        if (penalty is None) != (penalty_weight == 0):
            raise ValueError(f"penalty and penalty_weight go together; got {penalty!r} and {penalty_weight!r}")
        self.layers = list(layers)
        self.activation, self.output_activation = activation, output_activation
        self.loss, self.penalty, self.penalty_weight = loss, penalty, penalty_weight
        size = sum((before + 1) * after for before, after in zip(layers, layers[1:]))
        self.theta, self.gradient = np.zeros(size, dtype), np.zeros(size, dtype)
        self.W, self.b = self._windows(self.theta)
        self.dW, self.db = self._windows(self.gradient)
        generator = np.random.default_rng(seed)
        for W in self.W[1:]:
            variance = (2 if activation is relu else 1) / W.shape[1]
            W[...] = generator.normal(0, np.sqrt(variance), W.shape)

    def _windows(self, vector):
        weights, biases, start = [None], [None], 0
        for before, after in zip(self.layers, self.layers[1:]):
            weights.append(vector[start : start + after * before].reshape(after, before))
            start += after * before
            biases.append(vector[start : start + after])
            start += after
        return weights, biases

    @property
    def L(self) -> int:
        """The number of hidden layers."""
        return len(self.layers) - 2

    def phi(self, k: int) -> Activation:
        """The activation of layer k: phi on hidden layers, psi on the output layer k = L+1."""
        return self.activation if k <= self.L else self.output_activation

    def forward(self, x: np.ndarray) -> tuple[list, list]:
        """The forward pass: a[k] and h[k] of every layer k, each of shape (batch, neurons)."""
        a, h = [None], [x]
        for k in range(1, self.L + 2):
            a.append(self.b[k] + h[k - 1] @ self.W[k].T)
            h.append(self.phi(k)(a[k]))
        return a, h

    def backward(self, a: list, h: list, y: np.ndarray) -> np.ndarray:
        """The backward pass: the gradient of the penalised risk of the batch, laid out like theta.

        Starts from delta = dl/da^{(L+1)} and carries s^{(k)} = dl/da^{(k)} down the layers:
        dl/dW^{(k)} = s^{(k)} h^{(k-1)}, then s^{(k-1)} = phi'(a^{(k-1)}) * (W^{(k)} s^{(k)}).
        """
        self._check(y, a)
        s = self.loss.delta(y, a[-1], self.output_activation) / len(y)
        for k in range(self.L + 1, 0, -1):
            np.matmul(s.T, h[k - 1], out=self.dW[k])
            np.sum(s, axis=0, out=self.db[k])
            if self.penalty:
                self.dW[k] += self.penalty_weight * self.penalty.gradient(self.W[k])
            if k > 1:
                s = self.activation.pull_back(a[k - 1], s @ self.W[k])
        return self.gradient

    def risk(self, x: np.ndarray, y: np.ndarray) -> float:
        """The penalised empirical risk L_n(theta) of the batch: mean loss + lambda * Omega."""
        a, _ = self.forward(x)
        return self._risk(y, a)

    def risk_and_gradient(self, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        """Both passes: L_n(theta) and its gradient with respect to theta."""
        a, h = self.forward(x)
        return self._risk(y, a), self.backward(a, h, y)

    def _check(self, y, a):
        if np.shape(y) != a[-1].shape:
            raise ValueError(f"y must have the shape of the outputs, {a[-1].shape}; got {np.shape(y)}")
        if not len(y):
            raise ValueError("y must hold at least one example; got none")
        if self.loss is cross_entropy and np.abs(np.sum(y, axis=-1) - 1).max() > 1e-4:
            raise ValueError("y must hold rows that sum to 1, such as one-hot rows, for the cross-entropy")

    def _risk(self, y, a):
        self._check(y, a)
        risk = np.mean(self.loss.at_scores(y, a[-1], self.output_activation))
        if self.penalty:
            risk += self.penalty_weight * sum(self.penalty(W) for W in self.W[1:])
        return float(risk)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """f(x, theta): (batch, inputs) -> (batch, outputs)."""
        return self.forward(x)[1][-1]

"""The recurrent cell (slide "Neural networks", "a recurrent neural network"): its output is also its next input."""

import numpy as np

__all__ = ["simple_rnn"]


def simple_rnn(x: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray, h: np.ndarray | None = None) -> np.ndarray:
    """h_t = tanh(b + W x_t + U h_(t-1)) for t = 1 ... T: the same weights at every step (Elman 1990).

    Args:
        x: the sequences, (batch, T, features).
        W: the weights of the input, (units, features); Keras' kernel is its transpose.
        U: the weights of the state before, (units, units); Keras' recurrent_kernel is its transpose.
        b: the biases, (units,).
        h: the state before the first step, (batch, units); zeros by default.

    Returns:
        Every state h_1 ... h_T: (batch, T, units), between -1 and 1.

    Raises:
        ValueError: arrays of other shapes.
    """
    units = np.size(b)
    if np.ndim(b) != 1 or np.ndim(x) != 3 or np.shape(W) != (units, x.shape[2]) or np.shape(U) != (units, units):
        raise ValueError(
            "x must have the shape (batch, T, features), W (units, features), U (units, units) and b (units,); "
            f"got {np.shape(x)}, {np.shape(W)}, {np.shape(U)} and {np.shape(b)}"
        )
    h = np.zeros((len(x), units)) if h is None else h
    if np.shape(h) != (len(x), units):
        raise ValueError(f"h must have the shape (batch, units), {(len(x), units)}; got {np.shape(h)}")
    states = np.empty((*x.shape[:2], units))
    for t in range(x.shape[1]):
        states[:, t] = h = np.tanh(b + x[:, t] @ W.T + h @ U.T)
    return states

"""Neural networks from scratch: NumPy and the lecture's equations, nothing else.

Read in this order: `activations`, `losses`, `penalties`, `perceptron`, `optimizers`, `convolution`,
`recurrent`.
"""

from coursekit.scratch.activations import (
    Activation,
    hard_threshold,
    identity,
    log_softmax,
    log_sum_exp,
    relu,
    sigmoid,
    softmax,
    tanh,
)
from coursekit.scratch.convolution import convolution, convolution_parameters, max_pooling, mean_pooling, output_size
from coursekit.scratch.losses import Loss, binary_cross_entropy, cross_entropy, squared_error
from coursekit.scratch.optimizers import SGD, Adam, batches, fit
from coursekit.scratch.penalties import Penalty, l1, l2
from coursekit.scratch.perceptron import MLP
from coursekit.scratch.recurrent import simple_rnn

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
    "Loss",
    "binary_cross_entropy",
    "cross_entropy",
    "squared_error",
    "convolution",
    "convolution_parameters",
    "max_pooling",
    "mean_pooling",
    "output_size",
    "Penalty",
    "l1",
    "l2",
    "MLP",
    "SGD",
    "Adam",
    "batches",
    "fit",
    "simple_rnn",
]

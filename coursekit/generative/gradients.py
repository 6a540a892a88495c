"""The one place of this room where the backend shows: Keras has no gradients of its own."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import keras
from keras import KerasTensor, ops

__all__ = ["batch_jacobian", "gradient", "gradient_tape", "require_tensorflow", "whole_batch"]


def gradient(function: Callable[[KerasTensor], KerasTensor], x: KerasTensor) -> KerasTensor:
    """The gradient of a scalar function, of the shape of x.

    Raises:
        NotImplementedError: a backend other than TensorFlow and JAX.
    """
    x = ops.convert_to_tensor(x)
    if keras.backend.backend() == "tensorflow":
        with gradient_tape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x, unconnected_gradients="zero")
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(function)(x)
    raise NotImplementedError(f"gradient needs Keras on TensorFlow or JAX; got {keras.backend.backend()}")


def batch_jacobian(function: Callable[[KerasTensor], KerasTensor], x: KerasTensor, outputs: int) -> KerasTensor:
    """dy/dx of each example, exactly, and differentiable once more.

    Every example is copied once per output, and copy i contributes only its y_i to a sum: the
    gradient of that one sum holds all the rows dy_i/dx. Memory and time grow with ``outputs``.

    Args:
        function: from (batch, *example) to y, (batch, ...), each example on its own.
        x: (batch, *example).
        outputs: numbers in the y of one example.

    Returns:
        (batch, outputs, *example).
    """

    def sum_of_own_outputs(copies):
        y = ops.reshape(function(copies), (-1, outputs, outputs))
        return ops.sum(y * ops.eye(outputs, dtype=y.dtype))

    copies = ops.repeat(x, outputs, axis=0)
    return ops.reshape(gradient(sum_of_own_outputs, copies), (-1, outputs, *x.shape[1:]))


def gradient_tape(**options: Any) -> AbstractContextManager:
    """A `tf.GradientTape`."""
    import tensorflow as tf

    return tf.GradientTape(**options)


def require_tensorflow(model: str) -> None:
    """Raise NotImplementedError unless Keras runs on TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise NotImplementedError(f"{model} trains with Keras on TensorFlow; got {keras.backend.backend()}")


def whole_batch(x: KerasTensor, least: int, message: str) -> KerasTensor:
    """x; in a compiled step a batch of fewer examples than ``least`` raises TensorFlow's InvalidArgumentError."""
    import tensorflow as tf

    enough = tf.debugging.assert_greater_equal(tf.shape(x)[0], least, message=message)
    with tf.control_dependencies([enough] if enough is not None else []):
        return tf.identity(x)

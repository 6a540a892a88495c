"""The one place of this room where the backend shows: Keras has no gradients of its own.

TensorFlow records on a tape what an eager function does. JAX differentiates pure functions, so there a
function runs in a `keras.StatelessScope`, in which the variables have the values that it is given and what
it assigns comes out as a result. A step that is written with the functions below runs on both.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import keras
from keras import KerasTensor, Model, ops

__all__ = [
    "apply_gradients",
    "batch_jacobian",
    "differentiate",
    "differentiate_weights",
    "dropping_updates",
    "gradient",
    "run_step",
    "weight_gradients",
    "whole_batch",
]


def gradient(function: Callable[[KerasTensor], KerasTensor], x: KerasTensor) -> KerasTensor:
    """The gradient of a scalar function, of the shape of x.

    Raises:
        ValueError: x holds integers, which have no slope.
        NotImplementedError: a backend other than TensorFlow and JAX.
    """
    x = ops.convert_to_tensor(x)
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype)):
        raise ValueError(f"x must hold floating-point numbers; got {keras.backend.standardize_dtype(x.dtype)}")
    y, backward = differentiate(function, x)
    return backward(ops.ones_like(y))


def weight_gradients(loss: Callable[[], KerasTensor], weights: list[keras.Variable]) -> list[KerasTensor]:
    """dL/dw for each of the weights, for an update written by hand; nothing is changed.

    Args:
        loss: without arguments, gives the scalar L. It draws no random numbers and assigns nothing.
        weights: such as ``model.trainable_variables``.

    Returns:
        One tensor for each weight, of its shape; 0 where L does not depend on it.

    Raises:
        NotImplementedError: a backend other than TensorFlow and JAX.
    """
    if not _on_tensorflow():
        import jax

        def pure(values):
            with keras.StatelessScope(list(zip(weights, values))):
                return loss()

        return jax.grad(pure)([weight.value for weight in weights])
    import tensorflow as tf

    values = [weight.value for weight in weights]
    with tf.GradientTape() as tape:
        tape.watch(values)  # those that are not trainable, too
        y = loss()
    return tape.gradient(y, values, unconnected_gradients="zero")


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

    Raises:
        ValueError: ``outputs`` is another number, or x holds integers.
        NotImplementedError: a backend other than TensorFlow and JAX.
    """

    def sum_of_own_outputs(copies):
        y = function(copies)
        if math.prod(y.shape[1:]) != outputs:
            raise ValueError(f"outputs must be the numbers in one y, {math.prod(y.shape[1:])}; got {outputs!r}")
        y = ops.reshape(y, (-1, outputs, outputs))
        return ops.sum(y * ops.eye(outputs, dtype=y.dtype))

    copies = ops.repeat(x, outputs, axis=0)
    return ops.reshape(gradient(sum_of_own_outputs, copies), (-1, outputs, *x.shape[1:]))


def differentiate(
    function: Callable[[KerasTensor], KerasTensor], x: KerasTensor
) -> tuple[KerasTensor, Callable[[KerasTensor], KerasTensor]]:
    """The forward pass of a function, and its backward pass.

    Args:
        function: of x; what it assigns to variables must not depend on x.
        x: a tensor.

    Returns:
        y = function(x), and a function from the slope dL/dy, of the shape of y, to dL/dx, of the shape
        of x. It can be called once.

    Raises:
        NotImplementedError: a backend other than TensorFlow and JAX.
    """
    if not _on_tensorflow():
        import jax

        y, backward = jax.vjp(function, x)
        return y, lambda slope: backward(slope)[0]
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        y = function(x)
    return y, lambda slope: tape.gradient(y, x, slope, unconnected_gradients="zero")


def differentiate_weights(
    function: Callable[[], Any], variables: list[keras.Variable], model: Model
) -> tuple[Any, Callable[[Any], list[KerasTensor]]]:
    """The forward pass of a function of a model's weights, and its backward pass.

    Args:
        function: gives a tensor or a list of tensors, y.
        variables: the weights.
        model: whose variables and metrics are all that the function reads and assigns.

    Returns:
        y, and a function from the slopes dL/dy, in the structure of y, to dL/dw for each of the
        variables. It can be called once.
    """
    if _on_tensorflow():
        import tensorflow as tf

        with tf.GradientTape() as tape:
            y = function()
        return y, lambda slopes: tape.gradient(y, variables, slopes)
    import jax

    state = [*model.variables, *model.metrics_variables]

    def pure(values):
        with keras.StatelessScope([*_values(state), *zip(variables, values)], collect_losses=True) as scope:
            y = function()
        return y, [scope.get_current_value(variable) for variable in state]

    y, backward, updates = jax.vjp(pure, [variable.value for variable in variables], has_aux=True)
    _assign(state, updates)
    return y, lambda slopes: backward(slopes)[0]


def dropping_updates(model: Model) -> keras.StatelessScope:
    """A scope that drops what is assigned to the variables of a model in it, such as moving averages."""
    return keras.StatelessScope() if _on_tensorflow() else keras.StatelessScope(_values(model.variables))


def apply_gradients(optimizer: keras.Optimizer, gradients: list[KerasTensor], variables: list[keras.Variable]) -> None:
    """One update of the variables that the optimizer was built for."""
    if _on_tensorflow():
        optimizer.apply(gradients, variables)
        return
    # `apply` of an optimizer that scales the loss assigns within a branch, which JAX does not trace
    memory = optimizer.variables
    new = optimizer.stateless_apply([m.value for m in memory], gradients, [v.value for v in variables])
    _assign([*variables, *memory], [*new[0], *new[1]])


def run_step(model: Model, step: Callable[[Any], dict], *arguments: Any) -> Any:
    """A step that assigns to variables, as `Model.fit` and `Model.evaluate` of the backend want it.

    Args:
        model: with ``optimizer.variables`` of all that the step changes beside its own.
        step: from a batch to the reports.
        arguments: of `train_step` or `test_step`: the batch; on JAX the values of all variables before it.

    Returns:
        The reports; on JAX also the new values of the variables.
    """
    if _on_tensorflow():
        return step(*arguments)
    values, batch = arguments
    optimizers = [model.optimizer.variables] * (len(values) == 4)  # in `fit` alone
    groups = [model.trainable_variables, model.non_trainable_variables, *optimizers, model.metrics_variables]
    pairs = [pair for group in zip(groups, values) for pair in zip(*group)]
    with keras.StatelessScope(pairs) as scope:
        reports = step(batch)
    return reports, tuple([scope.get_current_value(variable) for variable in group] for group in groups)


def whole_batch(x: KerasTensor, least: int, message: str) -> KerasTensor:
    """x; a batch of fewer examples than ``least`` raises.

    Raises:
        ValueError: at once, where the size of the batch is known.
        tf.errors.InvalidArgumentError: in a compiled step of TensorFlow, when it runs.
    """
    if not _on_tensorflow():
        if len(x) < least:
            raise ValueError(message)
        return x
    import tensorflow as tf

    enough = tf.debugging.assert_greater_equal(tf.shape(x)[0], least, message=message)
    with tf.control_dependencies([enough] if enough is not None else []):
        return tf.identity(x)


def _on_tensorflow() -> bool:
    backend = keras.backend.backend()
    if backend not in ("tensorflow", "jax"):
        raise NotImplementedError(f"gradients need Keras on TensorFlow or JAX; got {backend}")
    return backend == "tensorflow"


def _values(variables: Iterable[keras.Variable]) -> list[tuple]:
    return [(variable, variable.value) for variable in variables]


def _assign(variables: Iterable[keras.Variable], values: Iterable[KerasTensor]) -> None:
    for variable, value in zip(variables, values):
        variable.assign(value)

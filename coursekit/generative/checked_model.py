"""What keeps a run from going wrong in silence: checks that speak in words, and `StopOnNaN`."""

import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops

__all__ = [
    "CheckedModel",
    "StopOnNaN",
    "check_array",
    "check_count",
    "check_models",
    "check_sizes",
    "check_weight",
    "in_batches",
]


class CheckedModel(keras.Model):
    """A `keras.Model` that looks at arrays before it works on them, and follows the terms of its loss.

    Arrays are looked at once, when `fit`, `evaluate` or `predict` begins; the batches of a pipeline
    are not. A subclass says what an example is:

    Attributes:
        example_shape: of one example, without the batch.
        unit_interval: whether every value must be in [0, 1].
        takes_targets: whether `fit(x, y)` may have a y, which then has the shape of x.
    """

    example_shape: tuple[int | None, ...]
    unit_interval = False
    takes_targets = False

    def fit(self, x: Any = None, y: Any = None, *args: Any, **options: Any) -> keras.callbacks.History:
        """`keras.Model.fit`, after `check`."""
        self._check_call(x, y, options.get("sample_weight"))
        return super().fit(x, y, *args, **options)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **options: Any) -> Any:
        """`keras.Model.evaluate`, after `check`."""
        self._check_call(x, y, options.get("sample_weight"))
        return super().evaluate(x, y, *args, **options)

    def predict(self, x: Any, *args: Any, **options: Any) -> Any:
        """`keras.Model.predict`, after `check`."""
        self._check_call(x)
        return super().predict(x, *args, **options)

    def _check_call(self, x, y=None, sample_weight=None):
        if self.compiled and self.loss is not None:
            raise ValueError(f"loss must be left out of compile(): {type(self).__name__} brings its own")
        self.check_targets(x, y, sample_weight)
        for name, data in (("x", x), ("y", y)):
            if isinstance(data, np.ndarray) or ops.is_tensor(data):
                self.check(data, name)

    def check(self, x: Any, name: str = "x") -> np.ndarray:
        """The examples as an array.

        Raises:
            ValueError: another shape, no example, NaN or infinite values, values outside [0, 1]
                where the model needs them there.
        """
        x = check_array(name, x, self.example_shape)
        low, high = float(x.min()), float(x.max())
        if self.unit_interval and not (low >= 0 and high <= 1):
            raise ValueError(f"{name} must be in [0, 1], as in pixels / 255; got values from {low:g} to {high:g}")
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError(f"{name} must be finite; got values from {low:g} to {high:g}")
        return x

    def check_targets(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Raise ValueError for what `fit` must not get: from arrays at once, from a pipeline in its first step."""
        if sample_weight is not None:
            raise ValueError(f"sample_weight must be left out: {type(self).__name__} counts all examples alike")
        if y is not None and not self.takes_targets:
            raise ValueError(
                f"y must be left out: {type(self).__name__} learns from x alone; "
                "of a pipeline take pipeline.map(lambda x, y: x)"
            )
        if y is not None and hasattr(x, "shape") and hasattr(y, "shape") and tuple(x.shape[1:]) != tuple(y.shape[1:]):
            raise ValueError(f"y must have the shape of x, {tuple(x.shape)}; got {tuple(y.shape)}")

    def follow(self, *names: str) -> None:
        """Begin to report these terms beside the loss."""
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}

    def track(self, x: KerasTensor, **terms: KerasTensor) -> None:
        """Add a batch to the reports: each term is a mean over the examples of x."""
        for name, value in terms.items():
            self.trackers[name].update_state(value, sample_weight=ops.shape(x)[0])


def in_batches(function: Callable, x: np.ndarray, batch_size: int) -> Any:
    """``function`` of a large array, batch by batch: NumPy arrays, in the structure that it returns.

    Raises:
        ValueError: batch_size below 1.
    """
    check_count("batch_size", batch_size)
    parts = []
    for start in range(0, len(x), batch_size):
        batch = ops.cast(x[start : start + batch_size], keras.config.floatx())
        parts.append(keras.tree.map_structure(ops.convert_to_numpy, function(batch)))
    return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)


def check_array(name: str, x: Any, shape: Sequence[int | None]) -> np.ndarray:
    """x as an array, or ValueError unless it holds examples of this shape; None allows any length."""
    x = ops.convert_to_numpy(x) if ops.is_tensor(x) else np.asarray(x)
    if (
        x.ndim != 1 + len(shape)
        or not len(x)
        or any(length not in (None, actual) for actual, length in zip(x.shape[1:], shape))
    ):
        wanted = ", ".join(map(str, ("n", *shape)))
        raise ValueError(f"{name} must have the shape ({wanted}) with n >= 1; got {x.shape}")
    return x


def check_count(name: str, value: Any, least: int = 1) -> None:
    """Raise ValueError unless the value is an integer of at least ``least``."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an integer >= {least}; got {value!r}")


def check_models(**models: Any) -> None:
    """Raise ValueError unless every argument is a `keras.Model` with known shapes."""
    for name, model in models.items():
        if not isinstance(model, keras.Model) or getattr(model, "input_shape", None) is None:
            raise ValueError(f"{name} must be a keras.Model that begins with keras.Input; got {model!r}")


def check_sizes(**sizes: Any) -> None:
    """Raise ValueError unless every argument is a tuple of integers of at least 1."""
    for name, numbers in sizes.items():
        if (
            not isinstance(numbers, Sequence)
            or isinstance(numbers, str)
            or not all(isinstance(n, Integral) and n >= 1 for n in numbers)
        ):
            raise ValueError(f"{name} must be integers >= 1 in a tuple; got {numbers!r}")


def check_weight(name: str, value: Any) -> None:
    """Raise ValueError unless the value is a finite number of at least 0."""
    if not isinstance(value, Real) or not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a number >= 0; got {value!r}")


class StopOnNaN(keras.callbacks.Callback):
    """Stops at the first loss that is NaN or infinite, says so in a line and brings good weights back.

    Weights, and the optimizer's memory with them, are kept when training begins and after every
    epoch, provided that all of them are finite. Works with any `keras.Model`; a loss is whatever it
    reports under a name that ends in "loss".

    Args:
        every: steps between two keepings within an epoch; None for none.

    Attributes:
        stopped_at: (epoch, step), counted from 1; None while nothing went wrong.

    Raises:
        ValueError: every below 1.
    """

    def __init__(self, every: int | None = None):
        super().__init__()
        if every is not None:
            check_count("every", every)
        self.every = every
        self.stopped_at: tuple[int, int] | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.stopped_at, self.kept, self.kept_when = None, [], "not"
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer and not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        self._keep("from before the training")

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        bad = [
            f"{name} is {value}"
            for name, value in (logs or {}).items()
            if name.endswith("loss") and not np.isfinite(value)
        ]
        if bad:
            self.stopped_at = self.epoch, batch + 1
            for variable, value in zip(self._variables(), self.kept):
                variable.assign(value)
            self.model.stop_training = True
            print(
                f"StopOnNaN: {', '.join(bad)} at step {batch + 1} of epoch {self.epoch}; "
                f"training stopped, weights {self.kept_when} restored"
            )
        elif self.every and (batch + 1) % self.every == 0:
            self._keep(f"after step {batch + 1} of epoch {self.epoch}")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.stopped_at is None:
            self._keep(f"after epoch {self.epoch}")

    def _variables(self):
        optimizers = [part for part in vars(self.model).values() if isinstance(part, keras.optimizers.Optimizer)]
        return [*self.model.weights, *(variable for optimizer in optimizers for variable in optimizer.variables)]

    def _keep(self, when):
        values = [variable.numpy() for variable in self._variables()]
        if all(np.isfinite(value).all() for value in values):
            self.kept, self.kept_when = [value.copy() for value in values], when

"""What the models of this room share: checks that speak in words, reported terms, saving, and work in batches."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, Model, ops

from coursekit.checks import check_array, check_integer

__all__ = ["CheckedModel", "check_models", "check_shapes", "gives_probabilities", "in_batches", "vector_length"]

RANDOM = "random_state"  # begins the names under which a file holds the states of random generators


class CheckedModel(keras.Model):
    """A `keras.Model` that looks at data before it works on them, and reports the terms of its loss.

    When `fit`, `evaluate` or `predict` begins, an array is looked at in full and a pipeline in its
    first batch. An interrupted `fit` goes on with `keras.callbacks.BackupAndRestore` as if nothing had
    happened, noise included; only the order of the examples may differ, where `fit` on JAX or a pipeline
    shuffles them. A subclass says what an example is:

    Attributes:
        example_shape: of one example, without the batch.
        unit_interval: whether every value must be in [0, 1].
        takes_targets: whether `fit(x, y)` may have a y, which then has the shape of x.
        networks: names of the arguments that are models, as `get_config` saves them.
        settings: names of the other arguments, which attributes of the same name hold.
    """

    example_shape: tuple[int | None, ...]
    unit_interval = False
    takes_targets = False
    networks: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    def fit(self, x: Any = None, y: Any = None, *args: Any, **options: Any) -> keras.callbacks.History:
        """`keras.Model.fit`, after `check`. Raises ValueError for a class_weight, as for a sample_weight."""
        if options.get("class_weight") is not None:
            raise ValueError(f"class_weight must be left out: {type(self).__name__} counts all examples alike")
        return super().fit(self._checked(x, y, options.get("sample_weight")), y, *args, **options)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **options: Any) -> Any:
        """`keras.Model.evaluate`, after `check`."""
        return super().evaluate(self._checked(x, y, options.get("sample_weight")), y, *args, **options)

    def predict(self, x: Any, *args: Any, **options: Any) -> Any:
        """`keras.Model.predict`, after `check`."""
        first, x = _first_batch(x)
        self.check(keras.utils.unpack_x_y_sample_weight(first)[0])
        return super().predict(x, *args, **options)

    def _checked(self, x, y, sample_weight):
        """x for `fit` and `evaluate`, or an error."""
        if self.compiled and self.loss is not None:
            raise ValueError(f"loss must be left out of compile(): {type(self).__name__} brings its own")
        first, x = _first_batch(x)
        examples, targets, weights = keras.utils.unpack_x_y_sample_weight(first)
        targets, weights = (y if targets is None else targets), (sample_weight if weights is None else weights)
        if weights is not None:
            raise ValueError(f"sample_weight must be left out: {type(self).__name__} counts all examples alike")
        self.check(examples)
        if targets is not None and not self.takes_targets:
            raise ValueError(
                f"y must be left out: {type(self).__name__} learns from x alone; "
                "of a pipeline take pipeline.map(lambda x, y: x)"
            )
        if targets is not None:
            self.check(targets, "y")
        return x

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

    def add_trackers(self, *names: str) -> None:
        """Report these terms beside the loss."""
        self.trackers = getattr(self, "trackers", {}) | {name: keras.metrics.Mean(name=name) for name in names}

    def update_trackers(self, x: KerasTensor, **terms: KerasTensor) -> None:
        """Add a batch to the reports: each term is a mean over the examples of x."""
        for name, value in terms.items():
            self.trackers[name].update_state(value, sample_weight=ops.shape(x)[0])

    def to_loss_dtype(self, x: KerasTensor) -> KerasTensor:
        """x in the type of the weights: with mixed precision a loss is a sum too long for 16 bits."""
        return ops.cast(x, self.variable_dtype)

    def save(self, filepath: Any, *args: Any, **options: Any) -> None:
        """`keras.Model.save`. Raises ValueError unless filepath ends in .keras: older formats keep no networks."""
        if not str(filepath).endswith(".keras"):
            raise ValueError(f"filepath must end in .keras; got {str(filepath)!r}")
        super().save(filepath, *args, **options)

    def save_own_variables(self, store: Any) -> None:
        """As `keras.Layer`, and the states of all random generators in the model, which Keras leaves out."""
        super().save_own_variables(store)
        for number, state in enumerate(self._random_states()):
            store[f"{RANDOM}{number}"] = state

    def load_own_variables(self, store: Any) -> None:
        """What `save_own_variables` kept; a file without random states leaves them as they are."""
        kept = {name: store[name] for name in store.keys()}
        states = {name: kept.pop(name) for name in list(kept) if name.startswith(RANDOM)}
        super().load_own_variables(kept)
        for number, state in enumerate(self._random_states()):
            state.assign(states.get(f"{RANDOM}{number}", state))

    def _random_states(self):
        weights = {id(weight) for weight in self.weights}
        return [variable for variable in self.variables if id(variable) not in weights]

    def get_config(self) -> dict:
        """What `keras.Model.save` keeps."""
        networks = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.networks}
        return super().get_config() | networks | {name: getattr(self, name) for name in self.settings}

    @classmethod
    def from_config(cls, config: dict) -> "CheckedModel":
        """The model of `get_config`, with fresh weights."""
        return cls(**config | {name: keras.saving.deserialize_keras_object(config[name]) for name in cls.networks})


def _first_batch(x: Any) -> tuple[Any, Any]:
    """The first batch of a pipeline, or an array as it is; and an x that has not lost it."""
    if x is None or hasattr(x, "__array__") or isinstance(x, (list, tuple)):
        return x, x
    if isinstance(x, keras.utils.PyDataset):
        return x[0], x
    batches = iter(x)
    first = next(batches, None)
    if first is None:
        raise ValueError("x must hold at least one batch; got an empty pipeline")
    return first, (batch for batch in itertools.chain([first], batches)) if batches is x else x


def in_batches(function: Callable, x: np.ndarray, batch_size: int) -> Any:
    """``function`` of a large array, batch by batch: NumPy arrays, in the structure that it returns.

    Raises:
        TypeError, ValueError: batch_size is not an integer of at least 1.
    """
    check_integer("batch_size", batch_size, at_least=1)
    parts = []
    for start in range(0, len(x), batch_size):
        batch = ops.cast(x[start : start + batch_size], keras.config.floatx())
        parts.append(keras.tree.map_structure(ops.convert_to_numpy, function(batch)))
    return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)


def check_models(**models: Any) -> None:
    """Raise TypeError unless every argument is a `keras.Model`, ValueError unless its shapes are known."""
    for name, model in models.items():
        if not isinstance(model, Model):
            raise TypeError(f"{name} must be a keras.Model; got {model!r}")
        if getattr(model, "input_shape", None) is None:
            raise ValueError(f"{name} must begin with keras.Input, so that its shapes are known; got {model!r}")


def check_shapes(rule: str, wanted: Any, got: Any) -> None:
    """Raise ValueError unless two shapes are the same."""
    if wanted != got:
        raise ValueError(f"{rule}, {wanted}; got {got}")


def vector_length(name: str, model: Model) -> int:
    """Numbers in the z that a model takes, or ValueError unless it takes vectors."""
    if len(model.input_shape) != 2:
        raise ValueError(f"{name} must take z of shape (batch, latent_dim); got {model.input_shape}")
    return model.input_shape[-1]


def gives_probabilities(model: Model) -> bool:
    """Whether the first output stays in [0, 1] whatever comes in, as after a sigmoid or a softmax of any spelling.

    Found by trying inputs of very different sizes. Zeros alone are no probabilities: a last layer may start there.
    """
    shape = [length or 8 for length in model.input_shape[1:]]
    sizes = np.logspace(-1, 2, 16).reshape(-1, *[1] * len(shape))
    x = np.random.default_rng(0).normal(size=(16, *shape)) * sizes
    output = keras.tree.flatten(model(ops.cast(x, keras.config.floatx()), training=False))[0]
    low, high = (float(bound(ops.convert_to_numpy(output))) for bound in (np.nanmin, np.nanmax))
    return 0 <= low <= high <= 1 and high > 0

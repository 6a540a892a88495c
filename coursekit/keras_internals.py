"""The one place that touches private parts of Keras; the course works without them, only slower.

Each function says why it is needed, how to see whether it still is, and what happens where a Keras
has moved the part. `tests/test_keras_internals.py` fails when that happens, so that it is noticed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps

import keras

__all__ = ["fit_without_autotuner", "variables_without_values"]


def fit_without_autotuner() -> bool:
    """Take tf.data's autotuner out of the pipelines that `fit` makes of arrays; whether that could be done.

    Why: where an epoch ends, the autotuner of TensorFlow 2.21 may miss that it is no longer needed
    and sleep on to its next turn, 10 (2^k - 1) ms after it began, with `fit` waiting for it: many
    an epoch of 5.2 s lasts 10.2 s. What arrives, and in which order, is the same without it.

    A public way exists for pipelines, ``dataset.with_options(options)``, but `fit` makes the pipeline of
    arrays itself and takes no options for it; a lesson should say ``model.fit(x, y)``.

    Still needed? ``python benchmarks/keras_reproductions.py`` times epochs as Keras makes them.

    Without it (another Keras, or JAX): `fit` as Keras wrote it.
    """
    try:
        from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

        original = ArrayDataAdapter.get_tf_dataset
    except (ImportError, AttributeError):
        return False
    if hasattr(original, "__wrapped__"):
        return True

    @wraps(original)
    def get_tf_dataset(self):
        import tensorflow as tf

        options = tf.data.Options()
        options.autotune.enabled = False
        return original(self).with_options(options)

    ArrayDataAdapter.get_tf_dataset = get_tf_dataset
    return True


@contextmanager
def variables_without_values() -> Iterator[bool]:
    """A scope in which models are built without memory for their weights; whether that could be done.

    Why: VGG16 takes 0.5 GB and seconds to fill, and a notebook only counts and draws it. The scope
    itself is public, but Keras keeps a private list of variables to fill the next time any such scope
    ends, and those made here must leave that list again.

    Public ways tried: ``keras.device("meta")`` exists on PyTorch alone; `keras.Model` has no lazy mode.

    Still needed? ``python benchmarks/keras_reproductions.py`` counts the variables that such a scope
    leaves behind.

    Without it (another Keras): models are built in full.
    """
    try:
        from keras.src.backend.common.global_state import get_global_attribute

        pending = get_global_attribute("uninitialized_variables", [], set_to_default=True)
        scope = keras.StatelessScope(initialize_variables=False)
    except (ImportError, TypeError):
        yield False
        return
    before = list(pending)
    try:
        with scope:
            yield True
    finally:
        pending[:] = before

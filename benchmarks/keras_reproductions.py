"""Two minimal reproductions, in Keras and TensorFlow alone, of what `coursekit.keras_internals` works around.

    python benchmarks/keras_reproductions.py

Once the first prints no epoch near 10.2 s, and the second "0 variables", the workaround can go.
"""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np


class Wait(keras.callbacks.Callback):
    """Stands for the work of a batch, and tells how long an epoch took."""

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(5.2 / 600)

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        print(f"  epoch {epoch + 1}: {time.monotonic() - self.began:.2f} s", flush=True)


def epochs_that_wait() -> None:
    """`fit` on arrays: some epochs end at 10.2 s after the start, a turn of tf.data's autotuner, and not when done."""
    print("epochs of 600 batches, about 6 s each")
    x = np.ones((600 * 32, 784), "float32")
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, np.ones(len(x)), batch_size=32, epochs=10, verbose=0, callbacks=[Wait()])


def scope_that_leaves_variables() -> None:
    """A model that was never to have values gets them when the next StatelessScope ends."""
    with keras.StatelessScope(initialize_variables=False):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with keras.StatelessScope():
        pass
    print(f"{sum(variable._value is not None for variable in model.weights)} variables were filled after all")


if __name__ == "__main__":
    scope_that_leaves_variables()
    epochs_that_wait()

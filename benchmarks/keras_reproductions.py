"""Minimal reproductions, in Keras and TensorFlow alone, of what the course works around or warns of.

    python benchmarks/keras_reproductions.py

Once the epochs that wait are none near 10.2 s, and the scope leaves "0 variables", the workarounds in
`coursekit.keras_internals` can go. Once the orders differ, so can a paragraph of notebook 05.
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


def epochs_in_the_same_order() -> None:
    """With a seed, `fit` deals the examples in the same order in every epoch, though it says that it shuffles."""
    keras.utils.set_random_seed(1)
    orders = []
    model = keras.Sequential([keras.Input((1,)), keras.layers.Lambda(lambda x: orders.append(x.numpy()[:, 0]) or x)])
    model.compile(loss="mse", run_eagerly=True)
    model.fit(np.arange(8.0)[:, None], np.zeros(8), batch_size=8, epochs=3, verbose=0)
    print("orders of three epochs: ", *(order.astype(int) for order in orders[-3:]))


if __name__ == "__main__":
    epochs_in_the_same_order()
    scope_that_leaves_variables()
    epochs_that_wait()

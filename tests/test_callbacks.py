"""StopOnNaN: where it stops, what it restores and what it says. (LiveCurves is tested with the picture it draws.)"""

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose

from coursekit.callbacks import StopOnNaN
from coursekit.generative import Autoencoder, dense_decoder, dense_encoder

SHAPE = (4, 4, 1)


def images(n=10, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *SHAPE)).astype("float32")


def small():
    keras.utils.set_random_seed(3)
    return Autoencoder(dense_encoder(SHAPE, 3, (5,)), dense_decoder(SHAPE, 3, (5,)))


def batches(broken):
    """Endless batches; that number ``broken``, counted from 1, is NaN."""
    step = 0
    while True:
        step += 1
        yield (images(5, seed=step) * (np.nan if step == broken else 1),)


class Weights(keras.callbacks.Callback):
    """The weights after every step."""

    def __init__(self):
        super().__init__()
        self.history = []

    def on_train_batch_end(self, batch, logs=None):
        self.history.append(self.model.get_weights())


@pytest.mark.parametrize(
    "every, broken, stopped, restored, words",
    [
        (None, 2, (1, 2), None, "from before the training"),
        (None, 7, (2, 3), 4, "after epoch 1"),
        (2, 8, (2, 4), 6, "after step 2 of epoch 2"),
    ],
)
def test_stop_on_nan(every, broken, stopped, restored, words, capsys):
    model = small()
    model.compile(keras.optimizers.Adam(0.01))
    start, weights, guard = model.get_weights(), Weights(), StopOnNaN(every)
    model.fit(batches(broken), steps_per_epoch=4, epochs=5, verbose=0, callbacks=[weights, guard])
    expected = start if restored is None else weights.history[restored - 1]
    assert len(weights.history) == broken and guard.stopped_at == stopped
    for kept, now in zip(expected, model.get_weights()):
        assert_allclose(now, kept)
    assert capsys.readouterr().out == (
        f"StopOnNaN: loss is nan at step {stopped[1]} of epoch {stopped[0]}; "
        f"training stopped, weights {words} restored\n"
    )
    assert int(model.optimizer.iterations) == (restored or 0)
    assert np.isfinite(model.fit(images(), verbose=0, callbacks=[guard]).history["loss"]).all()
    assert guard.stopped_at is None


def test_stop_on_infinite_loss_of_any_model(capsys):
    model = keras.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e25), loss="mse")
    guard = StopOnNaN()
    model.fit(np.ones((8, 2)), np.ones(8), batch_size=1, epochs=2, verbose=0, callbacks=[guard])
    assert guard.stopped_at[0] == 1 and np.isfinite(model.get_weights()[0]).all()
    assert "StopOnNaN: loss is " in capsys.readouterr().out
    with pytest.raises(ValueError, match="every must be an integer >= 1; got 0"):
        StopOnNaN(every=0)


def test_stop_on_nan_without_good_weights_to_restore(capsys):
    model = small()
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    model.compile("sgd")
    model.fit(images(), verbose=0, callbacks=[StopOnNaN()])
    assert "at step 1 of epoch 1; training stopped, weights not restored" in capsys.readouterr().out

"""A `fit` that was interrupted goes on with `keras.callbacks.BackupAndRestore` as if nothing had happened."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose

from coursekit.generative import (
    GAN,
    Autoencoder,
    InfoGAN,
    RealNVP,
    VariationalAutoencoder,
    dense_decoder,
    dense_encoder,
)
from coursekit.vision import siamese

SHAPE = (4, 4, 1)
EPOCHS, STOPPED = 4, 2  # counted from 0: the third epoch is the one that is interrupted


def unsure(network, normalized=False):
    """The same network behind a dropout, so that it draws random numbers, and a batch normalisation."""
    example = layers.Input(network.input_shape[1:])
    x = layers.BatchNormalization()(example) if normalized else example
    return keras.Model(example, network(layers.Dropout(0.3)(x)))


def autoencoder():
    noise = ("gaussian", 0.2)
    return Autoencoder(unsure(dense_encoder(SHAPE, 2, (5,))), dense_decoder(SHAPE, 2, (5,)), noise=noise, sparsity=0.1)


def vae():
    encoder = unsure(dense_encoder(SHAPE, 4, (5,)), normalized=True)
    return VariationalAutoencoder(encoder, dense_decoder(SHAPE, 2, (5,), output_activation=None))


def gan():
    players = dense_decoder(SHAPE, 3), unsure(dense_encoder(SHAPE, 1), normalized=True)
    return GAN(*players, discriminator_steps=2, instance_noise=0.1)


def infogan():
    example = keras.Input(SHAPE)
    flat = layers.Dropout(0.3)(layers.Flatten()(example))
    reader = keras.Model(example, [layers.Dense(1)(flat), layers.Dense(4)(flat)])
    return InfoGAN(dense_decoder(SHAPE, 5), reader, categories=2, continuous=1)


def flow():
    return RealNVP(16, 2, (8,))


def siamese_pair():
    return siamese(encoder=dense_encoder(SHAPE, 3, (5,)))


KINDS = [autoencoder, vae, gan, infogan, flow, siamese_pair]


def compiled(kind, seed):
    """A fresh model; the seed decides its weights and its noise."""
    keras.utils.set_random_seed(seed)
    model = kind()
    if isinstance(model, GAN):
        model.compile()
    else:
        model.compile("adam", "binary_crossentropy" if kind is siamese_pair else None)
    return model


def examples(kind):
    """12 examples, as arguments of `fit`."""
    x = np.random.default_rng(0).uniform(size=(12, *SHAPE)).astype("float32")
    if kind is siamese_pair:
        return [x, x[::-1]], np.arange(12)[:, None] % 2
    return (x.reshape(12, 16),) if kind is flow else (x,)


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C, in the middle of an epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (STOPPED, 1):
            raise KeyboardInterrupt


def fit(model, kind, *callbacks):
    return model.fit(
        *examples(kind), batch_size=4, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=callbacks
    ).history


def state(model):
    """Weights, random states and what the optimizers remember."""
    optimizers = [part for part in vars(model).values() if isinstance(part, keras.Optimizer)]
    assert len(optimizers) == 1 + isinstance(model, GAN)
    variables = [*model.variables, *(variable for optimizer in optimizers for variable in optimizer.variables)]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def assert_same(went_on, history, undisturbed, whole):
    assert list(history) == list(whole) and len(history["loss" if "loss" in history else "V"]) == EPOCHS - STOPPED
    for name, values in history.items():
        assert_allclose(values, whole[name][STOPPED:], rtol=1e-5, err_msg=name)
    assert len(went_on) == len(undisturbed) > 5
    for value, expected in zip(went_on, undisturbed):
        assert_allclose(value, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_fit_goes_on_as_if_nothing_had_happened(kind, tmp_path):
    """Another model, with other weights and noise, takes over: what counts is in the backup."""
    undisturbed = compiled(kind, seed=1)
    whole = fit(undisturbed, kind)

    backup = str(tmp_path / "backup")
    first = compiled(kind, seed=1)
    with pytest.raises(KeyboardInterrupt):
        fit(first, kind, keras.callbacks.BackupAndRestore(backup), Interrupt())
    second = compiled(kind, seed=2)
    history = fit(second, kind, keras.callbacks.BackupAndRestore(backup))
    assert_same(state(second), history, state(undisturbed), whole)


# A kernel that is killed: training runs in a process of its own.
KILLED = """
import os, signal, sys
sys.path.insert(0, {folder!r})
import keras
from test_resume import STOPPED, compiled, fit, gan

class Kill(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (STOPPED, 1):
            os.kill(os.getpid(), signal.SIGKILL)

fit(compiled(gan, seed=1), gan, keras.callbacks.BackupAndRestore({backup!r}, double_checkpoint=True), Kill())
"""


@pytest.fixture(scope="module")
def undisturbed():
    """A GAN after an undisturbed run, and its history."""
    model = compiled(gan, seed=1)
    history = fit(model, gan)
    return state(model), history


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """What a kernel that was killed in the middle of an epoch leaves behind."""
    folder = tmp_path_factory.mktemp("killed") / "backup"
    code = KILLED.format(folder=str(Path(__file__).parent), backup=str(folder))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == -signal.SIGKILL, done.stderr
    return folder


@pytest.fixture
def backup(left, tmp_path):
    return shutil.copytree(left, tmp_path / "backup")


def test_a_killed_kernel_goes_on_as_if_nothing_had_happened(undisturbed, backup):
    model = compiled(gan, seed=2)
    history = fit(model, gan, keras.callbacks.BackupAndRestore(str(backup)))
    assert_same(state(model), history, *undisturbed)
    assert not backup.exists()  # the next `fit` begins at the beginning


def test_a_kernel_that_is_killed_while_it_saves(undisturbed, backup):
    """Half a file: with a second checkpoint `fit` goes back to the epoch before, without one it stops."""
    file = backup / "latest.weights.h5"
    file.write_bytes(file.read_bytes()[:1000])
    model = compiled(gan, seed=2)
    history = fit(model, gan, keras.callbacks.BackupAndRestore(str(backup), double_checkpoint=True))
    assert len(history["V"]) == EPOCHS - STOPPED + 1
    for value, expected in zip(state(model), undisturbed[0]):
        assert_allclose(value, expected, rtol=1e-5, atol=1e-7)


def test_half_a_file_and_no_second_checkpoint(backup):
    for name in ("latest.weights.h5.bkp", "training_metadata.json.bkp"):
        (backup / name).unlink()
    file = backup / "latest.weights.h5"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(OSError, match="truncated file"):
        fit(compiled(gan, seed=2), gan, keras.callbacks.BackupAndRestore(str(backup)))
    assert file.exists()


# ---------------------------------------------------------------- what a file holds


def test_files_without_random_states_load_as_before(tmp_path):
    """Those that Keras wrote before the states were kept."""
    old, new = compiled(autoencoder, seed=1), compiled(autoencoder, seed=2)
    old._random_states = list
    old.save_weights(tmp_path / "old.weights.h5")
    before = [keras.ops.convert_to_numpy(state) for state in new._random_states()]
    new.load_weights(tmp_path / "old.weights.h5")
    for value, expected in zip(new.get_weights(), old.get_weights()):
        np.testing.assert_array_equal(value, expected)
    assert len(before) == 2  # of the noise, of the dropout
    for value, expected in zip(new._random_states(), before):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(value), expected)


def test_a_loaded_model_draws_what_the_saved_one_would_have_drawn(tmp_path):
    model = compiled(gan, seed=1)
    model.generate(3)
    model.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_allclose(loaded.generate(3), model.generate(3), rtol=1e-5)

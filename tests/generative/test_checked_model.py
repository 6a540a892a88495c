"""What all models of the room refuse, report, save and survive: data, activations, formats and precisions."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
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
from coursekit.generative.checked_model import gives_probabilities, in_batches

SHAPE = (4, 4, 1)


def images(n=10, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *SHAPE)).astype("float32")


def autoencoder(**options):
    return Autoencoder(dense_encoder(SHAPE, 2, (5,)), dense_decoder(SHAPE, 2, (5,)), **options)


def vae():
    return VariationalAutoencoder(dense_encoder(SHAPE, 4, (5,)), dense_decoder(SHAPE, 2, (5,), output_activation=None))


def normalized(network):
    """The same with a batch normalisation in front, which an empty batch would turn into NaN."""
    start = layers.Input(network.input_shape[1:])
    return keras.Model(start, network(layers.BatchNormalization()(start)))


def gan(**options):
    return GAN(normalized(dense_decoder(SHAPE, 3)), normalized(dense_encoder(SHAPE, 1)), **options)


def infogan():
    trunk = keras.Input(SHAPE)
    flat = layers.Flatten()(trunk)
    reader = keras.Model(trunk, [layers.Dense(1)(flat), layers.Dense(4)(flat)])
    return InfoGAN(dense_decoder(SHAPE, 5), reader, categories=2, continuous=1, gradient_penalty=1.0)


def flow():
    return RealNVP(16, 2, (8,))


def compiled(model):
    model.compile() if isinstance(model, GAN) else model.compile("sgd")
    return model


def numpy(data):
    """The examples of a batch."""
    return ops.convert_to_numpy(keras.utils.unpack_x_y_sample_weight(data)[0])


class Batches(keras.utils.PyDataset):
    """Two batches of images of a size."""

    def __init__(self, largest):
        super().__init__()
        self.largest = largest

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.largest * images(4, index)


PIPELINES = {
    "tf.data": lambda largest: tf.data.Dataset.from_tensor_slices(largest * images()).batch(4),
    "generator": lambda largest: ((largest * images(4, seed),) for seed in range(2)),
    "PyDataset": Batches,
}


@pytest.mark.parametrize("make", [autoencoder, vae, gan, infogan])
@pytest.mark.parametrize("kind", PIPELINES)
@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_pixels_of_a_pipeline_are_looked_at_too(make, kind, method):
    with pytest.raises(ValueError, match=r"x must be in \[0, 1\], as in pixels / 255; got values from .* to 25\d"):
        getattr(compiled(make()), method)(PIPELINES[kind](255), verbose=0)


@pytest.mark.parametrize("kind", PIPELINES)
def test_a_look_takes_no_batch_away(kind):
    model, seen = compiled(autoencoder()), []
    model.compile("sgd", run_eagerly=True)
    step = model.train_step
    model.train_step = lambda *arguments: seen.append(numpy(arguments[-1])) or step(*arguments)  # the batch comes last
    model.fit(PIPELINES[kind](1), verbose=0, shuffle=False)
    expected = [numpy(batch) for batch in PIPELINES[kind](1)]
    assert len(seen) == len(expected)
    for got, wanted in zip(seen, expected):
        assert_allclose(got, wanted)


def test_an_empty_pipeline():
    with pytest.raises(ValueError, match="x must hold at least one batch; got an empty pipeline"):
        compiled(vae()).fit(tf.data.Dataset.from_tensor_slices(images()).batch(4).take(0))


@pytest.mark.parametrize("x", [None, 3.0])
def test_no_data_at_all(x):
    with pytest.raises((TypeError, ValueError), match="x must have the shape|not iterable"):
        compiled(vae()).fit(x)


@pytest.mark.parametrize("n", [3, 5])
def test_a_last_batch_too_small_for_the_discriminators_steps(n):
    """Not in silence: an empty share would make both networks NaN for good."""
    model = compiled(gan(discriminator_steps=2))
    with pytest.raises(ValueError, match="batches must hold at least discriminator_steps = 2 examples; got a smaller"):
        model.fit(tf.data.Dataset.from_tensor_slices(images(n)).batch(2), verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    model.fit(tf.data.Dataset.from_tensor_slices(images(n)).batch(2, drop_remainder=True), verbose=0)


# ---------------------------------------------------------------- the last activation


def ends(code_dim, shape, activation):
    """A dense network whose outputs end in the activation, in five spellings."""
    z = keras.Input((code_dim,))
    plain = layers.Dense(int(np.prod(shape)))(layers.Dense(8, activation="relu")(z))
    yield "argument", dense_decoder(shape, code_dim, (8,), output_activation=activation)
    yield "layer", keras.Model(z, layers.Reshape(shape)(layers.Activation(activation)(plain)))
    yield "function", keras.Model(z, layers.Reshape(shape)(getattr(ops, activation)(plain)))
    yield "Lambda", keras.Model(z, layers.Reshape(shape)(layers.Lambda(lambda x: getattr(ops, activation)(x))(plain)))
    yield (
        "nested",
        keras.Sequential(
            [keras.Input((code_dim,)), dense_decoder(shape, code_dim, (8,), output_activation=activation)]
        ),
    )
    yield (
        "wrapped",
        keras.Model(
            z,
            layers.Reshape(shape)(
                layers.SpectralNormalization(layers.Dense(int(np.prod(shape)), activation=activation))(z)
            ),
        ),
    )


SPELLINGS = ["argument", "layer", "function", "Lambda", "nested", "wrapped"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_sigmoid_is_recognised_in_every_spelling(spelling):
    keras.utils.set_random_seed(1)
    sigmoid, linear = (dict(ends(2, SHAPE, activation))[spelling] for activation in ("sigmoid", "leaky_relu"))
    with pytest.raises(ValueError, match="decoder must output logits for likelihood='bernoulli'"):
        VariationalAutoencoder(dense_encoder(SHAPE, 4), sigmoid)
    VariationalAutoencoder(dense_encoder(SHAPE, 4), linear)
    Autoencoder(dense_encoder(SHAPE, 2), sigmoid, loss="binary_cross_entropy")
    with pytest.raises(ValueError, match="decoder must end in a sigmoid for loss='binary_cross_entropy'"):
        Autoencoder(dense_encoder(SHAPE, 2), linear, loss="binary_cross_entropy")
    score = dict(ends(4, (1,), "sigmoid"))[spelling]
    with pytest.raises(ValueError, match="discriminator must output scores"):
        GAN(dense_decoder((4,), 2, output_activation=None), score)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_scores_are_not_taken_for_probabilities(seed, activation):
    keras.utils.set_random_seed(seed)
    assert not gives_probabilities(dense_encoder((28, 28, 1), 1, (64,), activation=activation))


def test_a_last_layer_may_start_at_zero():
    z = keras.Input((2,))
    for activation, expected in ((None, False), ("sigmoid", True)):
        last = layers.Dense(16, kernel_initializer="zeros", activation=activation)
        assert gives_probabilities(keras.Model(z, layers.Reshape(SHAPE)(last(z)))) is expected


# ---------------------------------------------------------------- precision, backends, files


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def mixed_precision(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("make", [autoencoder, vae, gan, infogan, flow])
def test_mixed_precision(make, mixed_precision):
    """Losses stay in float32, so that sums over pixels are exact, and optimizers scale them."""
    keras.utils.set_random_seed(1)
    model = compiled(make())
    x = images(12).reshape(12, -1) if make is flow else images(12)
    before = model.get_weights()
    history = model.fit(x, batch_size=4, epochs=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert any((a != b).any() for a, b in zip(before, model.get_weights()))
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    if isinstance(model, GAN) and mixed_precision == "mixed_float16":
        for role in ("generator", "discriminator"):
            assert isinstance(getattr(model, f"{role}_optimizer"), keras.optimizers.LossScaleOptimizer)


def test_mixed_precision_computes_the_same_losses(mixed_precision):
    model = compiled(vae())
    keras.config.set_dtype_policy("float32")
    exact = compiled(vae())
    exact.set_weights(model.get_weights())
    x = images(64)
    assert model.evaluate(x, verbose=0, return_dict=True)["kl"] == pytest.approx(
        exact.evaluate(x, verbose=0, return_dict=True)["kl"], rel=1e-2, abs=1e-3
    )


def python(code, folder, **environment):
    environment = os.environ | {"COURSEKIT_DIGITS": "stroke_digits", "PYTHONIOENCODING": "utf-8"} | environment
    environment.pop("COURSEKIT_PROFILE", None)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8"
    )


def test_a_new_process_loads_after_start(tmp_path):
    compiled(vae()).save(tmp_path / "model.keras")
    code = "import coursekit; coursekit.start(seed=1); import keras; print(keras.models.load_model('model.keras').name)"
    done = python(code, tmp_path)
    assert done.stdout.endswith("variational_autoencoder\n"), done.stderr[-3000:]


@pytest.mark.parametrize("name", ["model.h5", "model", "model.weights.h5"])
def test_only_keras_files(name, tmp_path):
    with pytest.raises(ValueError, match=f"filepath must end in .keras; got .*{name}"):
        compiled(vae()).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_in_batches_keeps_the_structure():
    halves = in_batches(lambda x: (x / 2, {"sum": ops.sum(x, axis=1)}), np.arange(10.0).reshape(5, 2), batch_size=2)
    assert_allclose(halves[0], np.arange(10).reshape(5, 2) / 2)
    assert_allclose(halves[1]["sum"], [1, 5, 9, 13, 17])

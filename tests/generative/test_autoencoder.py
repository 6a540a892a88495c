"""Autoencoders against finite differences, closed forms and PCA; what they refuse."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.decomposition import PCA

from coursekit import scratch
from coursekit.generative import (
    Autoencoder,
    batch_jacobian,
    contractive_penalty,
    convolutional_decoder,
    convolutional_encoder,
    corrupt,
    dense_decoder,
    dense_encoder,
)

SHAPE = (4, 4, 1)


def images(n=10, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *shape)).astype("float32")


def small(**options):
    keras.utils.set_random_seed(3)
    return Autoencoder(dense_encoder(SHAPE, 3, (5,)), dense_decoder(SHAPE, 3, (5,)), **options)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


# ---------------------------------------------------------------- the Jacobian and its penalty

ENCODERS = {
    "dense": lambda: dense_encoder(SHAPE, 3, (5,), activation="tanh"),
    "convolutional": lambda: convolutional_encoder(SHAPE, 2, (2, 3), activation="tanh"),
    "normalised": lambda: keras.Sequential(
        [
            layers.Input(SHAPE),
            layers.Flatten(),
            layers.Dense(4),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Activation("softplus"),
            layers.Dense(2),
        ]
    ),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_jacobian_is_that_of_finite_differences(name):
    encoder, x, step = ENCODERS[name](), images(3), 1e-2
    outputs = encoder.output_shape[-1]
    jacobian = numpy(batch_jacobian(lambda images: encoder(images, training=False), x, outputs))
    assert jacobian.shape == (3, outputs, *SHAPE)
    for pixel in np.ndindex(SHAPE):
        moved = np.zeros(SHAPE, "float32")
        moved[pixel] = step
        difference = (numpy(encoder(x + moved)) - numpy(encoder(x - moved))) / (2 * step)
        assert_allclose(jacobian[:, :, *pixel], difference, atol=2e-4)
    assert_allclose(numpy(contractive_penalty(encoder, x)), np.sum(jacobian**2, axis=(1, 2, 3, 4)), rtol=1e-5)


def test_penalty_of_a_linear_encoder_is_the_norm_of_its_weights():
    encoder = dense_encoder((7,), 3, ())
    kernel = encoder.get_layer("code").get_weights()[0]
    assert_allclose(numpy(contractive_penalty(encoder, images(4, (7,)))), [np.sum(kernel**2)] * 4, rtol=1e-5)


def penalty_of_a_sigmoid_layer(code, kernel):
    """Rifai et al. (2011): sum_j (h_j (1 - h_j))^2 sum_i W_ij^2."""
    return ops.sum(ops.square(code * (1 - code)) * ops.sum(ops.square(kernel), axis=0), axis=-1)


@pytest.mark.parametrize("seed", range(3))
def test_closed_form_of_a_sigmoid_layer(seed):
    """Its value and its gradient in the weights: the penalty can be trained through."""
    encoder = dense_encoder((6,), 4, (), code_activation="sigmoid")
    generator = np.random.default_rng(seed)
    encoder.set_weights([generator.normal(size=w.shape) for w in encoder.get_weights()])
    x, kernel = images(5, (6,), seed), encoder.trainable_weights[0]
    closed = penalty_of_a_sigmoid_layer(encoder(x), kernel)
    assert_allclose(numpy(contractive_penalty(encoder, x)), numpy(closed), rtol=1e-5)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape(persistent=True) as tape:
            automatic = tf.reduce_sum(contractive_penalty(encoder, x))
            closed = tf.reduce_sum(penalty_of_a_sigmoid_layer(encoder(x), kernel))
        assert_allclose(tape.gradient(automatic, kernel), tape.gradient(closed, kernel), rtol=1e-4, atol=1e-5)


def test_contraction_lowers_the_jacobian():
    norms = []
    for contraction in (0.0, 10.0):
        model = small(contraction=contraction)
        model.compile(keras.optimizers.SGD(0.01))
        model.fit(images(), epochs=5, verbose=0)
        norms.append(model.jacobian_norm(images(), batch_size=4).mean())
    assert norms[1] < 0.9 * norms[0]


# ---------------------------------------------------------------- the loss


@pytest.mark.parametrize("loss", ["squared_error", "binary_cross_entropy"])
def test_reconstruction_sums_over_pixels(loss):
    model, x = small(loss=loss), images()
    model.compile("sgd")
    flat, r = x.reshape(10, -1), model.reconstruct(x).reshape(10, -1)
    expected = getattr(scratch, loss)(flat, r)
    assert_allclose(numpy(model.distance(x, model.reconstruct(x))), expected, rtol=1e-5)
    assert model.evaluate(x, batch_size=4, verbose=0, return_dict=True) == pytest.approx(
        {"loss": expected.mean(), "reconstruction": expected.mean()}, rel=1e-5
    )


def test_the_terms_add_up_to_the_loss():
    """Means over images even where the last batch is smaller, weight decay of a layer included."""
    decoder = keras.Sequential(
        [layers.Input((3,)), layers.Dense(16, "sigmoid", kernel_regularizer="l2"), layers.Reshape(SHAPE)]
    )
    model = Autoencoder(dense_encoder(SHAPE, 3), decoder, sparsity=0.3, contraction=0.2)
    model.compile("sgd")
    x = images()
    measured = model.evaluate(x, batch_size=4, verbose=0, return_dict=True)
    expected = {
        "reconstruction": np.mean(np.sum((x - model.reconstruct(x)) ** 2, axis=(1, 2, 3))),
        "sparsity": 0.3 * np.mean(np.abs(model.encode(x)).sum(axis=1)),
        "contraction": 0.2 * np.mean(model.jacobian_norm(x) ** 2),
    }
    decay = 0.01 * np.sum(decoder.layers[0].get_weights()[0] ** 2)
    assert measured == pytest.approx(expected | {"loss": sum(expected.values()) + decay}, rel=1e-4)
    history = model.fit(x, epochs=2, batch_size=5, verbose=0, validation_data=(x, x)).history
    assert set(history) == {*measured, *(f"val_{name}" for name in measured)}
    assert history["loss"][1] < history["loss"][0]


def test_pca_is_a_resting_point_of_the_linear_autoencoder():
    """With the principal axes as weights the loss is the variance left out, and its gradient is 0."""
    generator = np.random.default_rng(0)
    x = (generator.normal(size=(200, 6)) * [3, 2, 1, 0.5, 0.3, 0.1]) @ np.linalg.qr(generator.normal(size=(6, 6)))[0]
    pca = PCA().fit(x)
    model = Autoencoder(dense_encoder((6,), 2, ()), dense_decoder((6,), 2, (), output_activation=None))
    axes = pca.components_[:2]
    model.set_weights([axes.T, -axes @ pca.mean_, axes, pca.mean_])
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(1.0))
    loss = model.fit(x, batch_size=200, verbose=0).history["loss"][0]
    assert loss == pytest.approx(pca.explained_variance_[2:].sum() * 199 / 200, rel=1e-4)
    for old, new in zip(before, model.get_weights()):
        assert_allclose(new, old, atol=1e-4)


def test_other_targets_than_the_input():
    x, y = images(seed=1), images(seed=2)
    model = small()
    model.compile("sgd")
    expected = np.mean(np.sum((y - model.reconstruct(x)) ** 2, axis=(1, 2, 3)))
    assert model.evaluate(x, y, verbose=0, return_dict=True)["loss"] == pytest.approx(expected, rel=1e-5)


# ---------------------------------------------------------------- noise


def test_gaussian_noise():
    x = np.full((200, 500), 0.5, "float32")
    noise = numpy(corrupt(x, "gaussian", 0.3, seed=1)) - x
    assert stats.kstest(noise.ravel() / 0.3, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]) < 0.3


@pytest.mark.parametrize("kind, values", [("masking", {0.0: 1.0}), ("salt_and_pepper", {0.0: 0.5, 1.0: 0.5})])
def test_shares_of_noise(kind, values):
    x, strength = np.full((200, 500), 0.25, "float32"), 0.3
    noisy = numpy(corrupt(x, kind, strength, seed=1))
    for value, share in values.items():
        assert stats.binomtest(int(np.sum(noisy == value)), x.size, share * strength).pvalue > 1e-3
    assert set(np.unique(noisy)) == {np.float32(0.25), *values}
    assert_allclose(numpy(corrupt(x, kind, 0.0, seed=1)), x)
    assert set(np.unique(numpy(corrupt(x, kind, 1.0, seed=1)))) == set(values)


def test_noise_in_training_only_and_the_seed_decides():
    x = images()
    model, same, other = (small(noise=("masking", 0.5), seed=seed) for seed in (7, 7, 8))
    quiet, noisy = numpy(model(x)), numpy(model(x, training=True))
    assert_allclose(model.reconstruct(x), quiet, atol=1e-6)
    assert_allclose(numpy(same(x, training=True)), noisy)
    for different in (quiet, numpy(model(x, training=True)), numpy(other(x, training=True))):
        assert np.abs(different - noisy).max() > 1e-3


# ---------------------------------------------------------------- a keras.Model


@pytest.mark.parametrize(
    "encoder, decoder, parameters",
    [
        (
            lambda: dense_encoder((28, 28, 1), 32),
            lambda: dense_decoder((28, 28, 1), 32),
            (784 * 256 + 256 + 256 * 32 + 32, 32 * 256 + 256 + 256 * 784 + 784),
        ),
        (
            lambda: convolutional_encoder((28, 28, 1), 2),
            lambda: convolutional_decoder((28, 28, 1), 2),
            (
                9 * 32 + 32 + 9 * 32 * 64 + 64 + 7 * 7 * 64 * 2 + 2,
                3 * 7 * 7 * 64 + 9 * 64 * 64 + 64 + 9 * 64 * 32 + 32 + 9 * 32 + 1,
            ),
        ),
    ],
)
def test_builders(encoder, decoder, parameters):
    encoder, decoder = encoder(), decoder()
    assert (encoder.count_params(), decoder.count_params()) == parameters
    model = Autoencoder(encoder, decoder)
    x = images(2, (28, 28, 1))
    code = model.encode(x)
    assert code.shape == (2, decoder.input_shape[-1])
    r = model.decode(code)
    assert r.shape == x.shape and 0 < r.min() and r.max() < 1
    assert_allclose(r, model.reconstruct(x), atol=1e-6)
    assert_allclose(r, model.predict(x, verbose=0), atol=1e-5)
    assert_allclose(model.reconstruct(x, batch_size=1), r, atol=1e-6)


def test_it_saves_and_loads(tmp_path):
    model, x = (
        small(sparsity=0.1, contraction=0.2, noise=("gaussian", 0.1), loss="binary_cross_entropy", seed=4, name="mine"),
        images(),
    )
    model.compile("adam")
    model.fit(x, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for setting in ("name", "sparsity", "contraction", "noise", "reconstruction_loss", "seed"):
        assert getattr(again, setting) == getattr(model, setting)
    assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)
    assert again.evaluate(x, verbose=0) == pytest.approx(model.evaluate(x, verbose=0), rel=1e-5)
    again.fit(x, verbose=0)  # compiled as before


def test_binary_images_of_any_type():
    bits = np.random.default_rng(0).uniform(size=(6, *SHAPE)) < 0.5
    model = small(loss="binary_cross_entropy")
    model.compile("sgd")
    expected = model.evaluate(bits.astype("float32"), verbose=0, return_dict=True)["loss"]
    for dtype in (bool, "uint8", "float64"):
        x = bits.astype(dtype)
        assert model.evaluate(x, verbose=0, return_dict=True)["loss"] == pytest.approx(expected, rel=1e-5)
        assert model.encode(x).dtype == "float32"


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "x, message",
    [
        (255 * images(), r"x must be in \[0, 1\].* got values from .* to 25"),
        (images() - 0.5, r"x must be in \[0, 1\].* got values from -0\.\d+"),
        (np.full((2, *SHAPE), np.nan, "float32"), r"x must be in \[0, 1\].* got values from nan"),
        (images()[..., 0], r"x must have the shape \(n, 4, 4, 1\) with n >= 1; got \(10, 4, 4\)"),
        (images(2, (5, 4, 1)), r"x must have the shape .* got \(2, 5, 4, 1\)"),
        (images(0), r"x must have the shape .* got \(0, 4, 4, 1\)"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "encode", "reconstruct"])
def test_images_that_are_refused(method, x, message):
    model = small()
    model.compile("sgd")
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(x)
    if method in ("fit", "evaluate"):
        with pytest.raises(ValueError, match=message):
            getattr(model, method)(x=ops.convert_to_tensor(x))


def test_vectors_need_not_be_in_the_unit_interval_but_finite():
    model = Autoencoder(dense_encoder((3,), 2), dense_decoder((3,), 2, output_activation=None))
    x = np.array([[-5.0, 0.0, 7.0]])
    assert model.encode(x).shape == (1, 2)
    with pytest.raises(ValueError, match="x must be finite; got values from -inf to 0"):
        model.encode([[0.0, 0.0, -np.inf]])


def test_data_that_are_refused():
    model, x = small(), images()
    model.compile("sgd")
    with pytest.raises(ValueError, match=r"y must have the shape \(n, 4, 4, 1\) with n >= 1; got \(10,\)"):
        model.fit(x, np.zeros(10))
    with pytest.raises(ValueError, match=r"y must be in \[0, 1\]"):
        model.fit(x, 2 * x)
    with pytest.raises(ValueError, match="sample_weight must be left out"):
        model.fit(x, sample_weight=np.ones(10), verbose=0)
    with pytest.raises(ValueError, match="class_weight must be left out"):
        model.fit(x, x, class_weight={0: 5.0}, verbose=0)
    with pytest.raises(ValueError, match=r"code must have the shape \(n, 3\) with n >= 1; got \(1, 4\)"):
        model.decode(np.zeros((1, 4)))
    with pytest.raises(ValueError, match="batch_size must be an integer >= 1; got 0"):
        model.encode(x, batch_size=0)
    model.compile("sgd", loss="mse")
    with pytest.raises(ValueError, match=r"loss must be left out of compile\(\): Autoencoder brings its own"):
        model.fit(x)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"sparsity": -0.1}, "sparsity must be a number >= 0; got -0.1"),
        ({"contraction": float("nan")}, "contraction must be a number >= 0; got nan"),
        ({"noise": ("poisson", 0.1)}, "noise must be one of gaussian, masking, salt_and_pepper; got 'poisson'"),
        ({"noise": ("masking", 1.5)}, "strength of masking noise must be a number >= 0 and <= 1; got 1.5"),
        ({"noise": ("gaussian", -1)}, "strength of gaussian noise must be a number >= 0; got -1"),
        ({"noise": "masking"}, r"noise must be None or a pair \(kind, strength\); got 'masking'"),
        ({"loss": "mse"}, "loss must be one of squared_error, binary_cross_entropy; got 'mse'"),
    ],
)
def test_arguments_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_a_weight_that_is_no_number():
    with pytest.raises(TypeError, match="sparsity must be a number >= 0; got 'much'"):
        small(sparsity="much")


def test_models_that_are_refused():
    encoder, decoder = dense_encoder(SHAPE, 3), dense_decoder(SHAPE, 3)
    with pytest.raises(ValueError, match=r"decoder must give back the shape that encoder takes, \(None, 4, 4, 1\)"):
        Autoencoder(encoder, dense_decoder((4, 4), 3))
    with pytest.raises(ValueError, match=r"decoder must take the code that encoder gives, .* got \(None, 2\)"):
        Autoencoder(encoder, dense_decoder(SHAPE, 2))
    with pytest.raises(ValueError, match="encoder must begin with keras.Input"):
        Autoencoder(keras.Sequential([layers.Dense(3)]), decoder)
    with pytest.raises(TypeError, match="decoder must be a keras.Model"):
        Autoencoder(encoder, "decoder")
    with pytest.raises(ValueError, match="decoder must end in a sigmoid for loss='binary_cross_entropy'"):
        Autoencoder(encoder, dense_decoder(SHAPE, 3, output_activation=None), loss="binary_cross_entropy")


@pytest.mark.parametrize("builder", [dense_encoder, dense_decoder, convolutional_encoder, convolutional_decoder])
def test_sizes_that_are_refused(builder):
    for latent_dim in (0, -2, 1.5, True, "two"):
        with pytest.raises((TypeError, ValueError), match=f"latent_dim must be an integer >= 1; got {latent_dim!r}"):
            builder((8, 8, 1), latent_dim)
    for widths in ((0,), 5, (1.5,), "wide"):
        with pytest.raises(ValueError, match="(hidden|filters) must be integers >= 1 in a tuple; got"):
            builder((8, 8, 1), 2, widths)
    for shape in ((8, 0, 1), 8, None):
        with pytest.raises(ValueError, match="put_shape must be integers >= 1 in a tuple; got"):
            builder(shape, 2)
    if builder in (convolutional_encoder, convolutional_decoder):
        with pytest.raises(ValueError, match="put_shape must be three integers"):
            builder((8, 8), 2)
    if builder is convolutional_decoder:
        with pytest.raises(ValueError, match=r"sides divisible by 4 for 2 filters; got \(8, 6, 1\)"):
            builder((8, 6, 1), 2)

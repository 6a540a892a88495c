"""TensorFlow and JAX: the adversarial step is the same on both, and works in each way of running it."""

import jax
import keras
import numpy as np
import pytest
from keras import layers, ops
from numpy.testing import assert_allclose

from coursekit.callbacks import StopOnNaN
from coursekit.generative import GAN, InfoGAN, convolutional_discriminator, convolutional_generator
from coursekit.generative.gradients import (
    batch_jacobian,
    differentiate_weights,
    dropping_updates,
    gradient,
    weight_gradients,
)

SHAPE = (8, 8, 1)

ON_JAX = keras.backend.backend() == "jax"

# TensorFlow's second derivative of a batch's variance lacks a term (its `moments` stops a gradient), so D has no batch
# normalisation where there is a gradient penalty.
# One step from weights, noise and a batch that do not depend on the backend; what it reports and leaves behind.
ONE_STEP = """
import itertools, sys
import keras
import numpy as np
from coursekit.generative import GAN, InfoGAN, convolutional_discriminator, convolutional_generator

assert keras.backend.backend() == sys.argv[1]
keras.config.set_floatx("float64")  # small batches blow rounding up, update by update
kept = {}
cases = [(GAN, 1, "non_saturating", 0.0), (GAN, 3, "minimax", 2.0), (GAN, 3, "minimax", 0.0), (InfoGAN, 2, "minimax", 0.0)]
for kind, k, loss, penalty in cases:
    codes = {"code_outputs": 7, "code_units": 6} if kind is InfoGAN else {}
    sizes = {"categories": 3, "continuous": 2} if kind is InfoGAN else {}
    model = kind(
        convolutional_generator((8, 8, 1), 9, (8, 4), 16),
        convolutional_discriminator((8, 8, 1), (4, 8), 16, batch_normalization=not penalty, **codes),
        loss=loss, discriminator_steps=k, gradient_penalty=penalty, **sizes,
    )
    generator = np.random.default_rng(k)
    for weight in model.weights:
        weight.assign(generator.normal(0, 0.3, weight.shape) if len(weight.shape) > 1 else weight)
    noise = generator.normal(size=(k, 8, 9))
    if kind is InfoGAN:
        noise[..., 4:7] = np.eye(3)[generator.integers(0, 3, (k, 8))]
    noise = itertools.cycle(keras.ops.convert_to_tensor(z, "float64") for z in noise)
    model.latent = lambda n: next(noise)
    sgd = (keras.optimizers.SGD(0.01, momentum=0.9) for player in range(2))
    model.compile(*sgd)
    x = generator.uniform(size=(8 * k, 8, 8, 1))
    history = model.fit(x, batch_size=8 * k, shuffle=False, verbose=0).history
    name = f"{kind.__name__}, k = {k}, gamma = {penalty}"
    kept |= {f"{name}: {term}": value for term, value in history.items()}
    kept |= {f"{name}: {i} {weight.path}": weight.numpy() for i, weight in enumerate(model.weights)}
    kept |= {f"{name}: memory {i}": v.numpy() for i, v in enumerate(model.optimizer.variables)}
np.savez(sys.argv[1], **kept)
"""


def small(kind=GAN, **options):
    keras.utils.set_random_seed(1)
    codes = {"code_outputs": 7, "code_units": 6} if kind is InfoGAN else {}
    sizes = {"categories": 3, "continuous": 2} if kind is InfoGAN else {}
    generator = convolutional_generator(SHAPE, 9, (4,), 8)
    return kind(generator, convolutional_discriminator(SHAPE, (4,), 8, **codes), seed=1, **sizes | options)


def images(n=8):
    return np.random.default_rng(0).uniform(size=(n, *SHAPE)).astype("float32")


@pytest.mark.skipif(ON_JAX, reason="runs both backends by itself, with the tests on TensorFlow")
def test_a_step_on_jax_is_the_step_on_tensorflow(run_python, tmp_path):
    """Weights, moving averages, momentum and all reported terms, with k = 1, 2, 3, for GAN and InfoGAN."""
    results = []
    for backend in ("tensorflow", "jax"):
        code = f"import sys; sys.argv.append({backend!r})\n{ONE_STEP}"
        on_jax = {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
        run_python(code, cwd=tmp_path, KERAS_BACKEND=backend, **on_jax)
        results.append(dict(np.load(tmp_path / f"{backend}.npz")))
    first, second = results
    assert len(first) > 100 and list(first) == list(second)
    for name, value in first.items():
        assert_allclose(second[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("kind", [GAN, InfoGAN])
def test_every_way_to_run_a_step(kind):
    """`fit` with validation, eagerly and several steps a call; `train_on_batch` and `test_on_batch`."""
    x = images()
    for options in ({}, {"run_eagerly": True}, {"steps_per_execution": 2}):
        model = small(kind, discriminator_steps=2, instance_noise=0.1)
        model.compile("adam", "adam", **options)
        before = model.get_weights()
        history = model.fit(x, batch_size=4, epochs=2, verbose=0, validation_data=(x,), validation_batch_size=4).history
        assert {"D(x)", "discriminator_loss", "generator_loss", "val_V"} <= set(history)
        assert "val_generator_loss" not in history
        assert all(len(values) == 2 and np.isfinite(values).all() for values in history.values())
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
        assert not any(np.array_equal(a, b) for a, b in zip(before[:1], model.get_weights()[:1]))
        for role in ("generator", "discriminator"):
            updates = 4 * (2 if role == "discriminator" else 1)
            assert int(getattr(model, f"{role}_optimizer").iterations) == updates
        reports = model.train_on_batch(x[:4], return_dict=True)
        assert np.isfinite(list(reports.values())).all() and "generator_loss" in reports
        assert np.isfinite(list(model.test_on_batch(x[:4], return_dict=True).values())).all()
        assert model.generate(2).shape == (2, *SHAPE)


def test_losses_that_layers_add_count():
    """An activity regulariser in D and in G moves its weights, though it is no part of V."""

    def after_a_step(strength):
        keras.utils.set_random_seed(1)
        networks = []
        for _ in range(2):
            penalty = keras.regularizers.L2(strength)
            networks.append(keras.Sequential([layers.Input((1,)), layers.Dense(1, activity_regularizer=penalty)]))
            networks[-1].set_weights([np.ones((1, 1)), np.ones(1)])
        model = GAN(*networks, seed=1)
        model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
        model.fit(np.ones((4, 1), "float32"), verbose=0)
        return [network.get_weights()[1].item() for network in networks]

    plain, penalised = after_a_step(0.0), after_a_step(1.0)
    assert penalised[0] < plain[0] - 0.01 and penalised[1] < plain[1] - 0.01


def test_a_penalty_of_the_generator_with_several_steps_of_the_discriminator():
    generator = keras.Sequential([layers.Input((1,)), layers.Dense(1, kernel_regularizer="l2")])
    model = GAN(generator, keras.Sequential([layers.Input((1,)), layers.Dense(1)]), discriminator_steps=2, seed=1)
    model.compile()
    assert np.isfinite(model.fit(np.ones((4, 1), "float32"), verbose=0).history["generator_loss"]).all()


@pytest.fixture
def half_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


def test_the_loss_scale_falls_where_gradients_overflow(half_precision):
    """A step whose gradients are not finite changes no weight, halves the scale, and the next ones go on."""
    model = small()
    steps = [keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01), initial_scale=2.0**120) for _ in range(2)]
    model.compile(*steps)
    before = [ops.convert_to_numpy(w) for w in model.trainable_variables]
    model.fit(images(4), batch_size=4, verbose=0)
    assert [float(optimizer.dynamic_scale) for optimizer in steps] == [2.0**119] * 2
    assert all(np.array_equal(a, ops.convert_to_numpy(b)) for a, b in zip(before, model.trainable_variables))
    for optimizer in steps:
        optimizer.dynamic_scale.assign(4.0)
    model.fit(images(4), batch_size=4, verbose=0)
    assert [float(optimizer.dynamic_scale) for optimizer in steps] == [4.0] * 2
    assert any((a != ops.convert_to_numpy(b)).any() for a, b in zip(before, model.trainable_variables))


def test_the_scale_of_the_loss_does_not_change_the_step(half_precision):
    """2 and 2^8 give one update, up to the rounding of 16 bits."""
    moved = []
    for scale in (2.0, 2.0**8):
        model = small()
        steps = [keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=scale) for _ in range(2)]
        model.compile(*steps)
        before = np.concatenate([ops.convert_to_numpy(w).ravel() for w in model.trainable_variables])
        model.fit(images(4), batch_size=4, verbose=0)
        moved.append(np.concatenate([ops.convert_to_numpy(w).ravel() for w in model.trainable_variables]) - before)
    assert np.linalg.norm(moved[0]) > 1e-3
    assert np.linalg.norm(moved[1] - moved[0]) < 0.05 * np.linalg.norm(moved[0])


def test_weights_come_back_from_the_middle_of_an_epoch(capsys):
    """On JAX the variables are empty while `fit` runs; a callback that asks for its model fills them."""
    y = np.float32([0, 0, 0, np.nan, 0, 0, 0, 0])[:, None]

    def trained(n, *callbacks):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([layers.Input((1,)), layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(np.ones((n, 1), "float32"), y[:n], batch_size=1, shuffle=False, verbose=0, callbacks=callbacks)
        return np.concatenate([weight.ravel() for weight in model.get_weights()])

    guard = StopOnNaN(every=1)
    assert_allclose(trained(8, guard), trained(3), rtol=1e-6)
    assert guard.stopped_at == (1, 4) and "weights after step 3 of epoch 1 restored" in capsys.readouterr().out


# ---------------------------------------------------------------- the functions underneath


def test_the_backward_pass_of_weights_keeps_what_was_assigned():
    """f = w^2 + v, and s is set to 3 w meanwhile: on JAX by way of the function's results."""
    model = keras.Sequential([layers.Input((1,)), layers.Dense(1), layers.BatchNormalization()])
    w, state = model.layers[0].kernel, model.layers[1].moving_mean
    w.assign([[2.0]])

    def function():
        state.assign(ops.reshape(3 * w, (1,)))
        return [ops.square(w), 5 * w]

    y, backward = differentiate_weights(function, [w], model)
    assert [value.item() for value in map(ops.convert_to_numpy, y)] == [4, 10]
    assert ops.convert_to_numpy(state).item() == 6
    (slope,) = backward([ops.ones((1, 1)), 2 * ops.ones((1, 1))])
    assert ops.convert_to_numpy(slope).item() == 2 * 2 + 2 * 5


def test_updates_are_dropped_and_values_still_read():
    model = keras.Sequential([layers.Input((2,)), layers.BatchNormalization()])
    before = model.get_weights()
    with dropping_updates(model):
        model(np.arange(6, dtype="float32").reshape(3, 2), training=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


def test_gradient():
    x = np.float32([1, 2, 3])
    assert_allclose(ops.convert_to_numpy(gradient(lambda x: ops.sum(x**3), x)), 3 * x**2, rtol=1e-6)
    assert_allclose(ops.convert_to_numpy(gradient(lambda x: ops.sum(ops.ones(2)), x)), 0)


@pytest.mark.skipif(not ON_JAX, reason="JAX alone can leak tracers")
@pytest.mark.parametrize("kind", [GAN, InfoGAN])
def test_no_tracer_leaves_a_step(kind):
    model = small(kind, discriminator_steps=2, instance_noise=0.1, gradient_penalty=1.0)
    model.compile()
    with jax.checking_leaks():
        model.fit(images(), batch_size=4, verbose=0)
        model.evaluate(images(), verbose=0)


def test_weight_gradients_are_those_derived_by_hand():
    """L = mean (x W + b)^2 / 2, with a weight that L does not know; nothing moves."""
    layer, idle = layers.Dense(2), keras.Variable([1.0, 2.0])
    layer.build((None, 3))
    x = np.random.default_rng(1).normal(size=(5, 3)).astype("float32")
    weights = [*layer.trainable_variables, idle]
    before = [ops.convert_to_numpy(weight).copy() for weight in weights]
    slopes = weight_gradients(lambda: ops.mean(ops.square(layer(x))) / 2, weights)
    a = x @ before[0] + before[1]
    for slope, expected in zip(slopes, (x.T @ a / a.size, a.sum(axis=0) / a.size, np.zeros(2))):
        assert_allclose(ops.convert_to_numpy(slope), expected, rtol=1e-5)
    assert all(np.array_equal(old, ops.convert_to_numpy(weight)) for old, weight in zip(before, weights))


def test_weights_that_are_not_trained_have_gradients_too():
    w, u = keras.Variable(2.0, trainable=False), keras.Variable(3.0)
    assert_allclose([float(g) for g in weight_gradients(lambda: w * w * u, [w, u])], [12, 4])


def test_what_has_no_gradient_is_refused():
    with pytest.raises(ValueError, match="x must hold floating-point numbers; got int64|int32"):
        gradient(lambda x: ops.sum(x * x), np.array([1, 2, 3]))
    with pytest.raises(ValueError, match="outputs must be the numbers in one y, 4; got 2"):
        batch_jacobian(lambda x: ops.matmul(x, np.ones((2, 4), "float32")), np.ones((2, 2), "float32"), 2)

"""Koch's network against sums done by hand, and one-shot tasks against the rules they must keep."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from coursekit.vision import blueprint, one_shot_tasks, siamese, siamese_encoder


def small_encoder(features=5, activation=None):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(keras.layers.Conv2D(3, 3, activation="relu")(image))
    return keras.Model(image, keras.layers.Dense(features, activation)(x))


def pair(shape=(8, 8, 1), batch=6, seed=0):
    return list(np.random.default_rng(seed).uniform(size=(2, batch, *shape)).astype("float32"))


def test_sizes_of_the_paper():
    """105 -> 96 -> 48 -> 42 -> 21 -> 18 -> 9 -> 6 pixels; 6·6·256 = 9,216 numbers into 4,096 features."""
    encoder = blueprint(siamese_encoder)
    shapes = [tuple(layer.output.shape[1:]) for layer in encoder.layers[1:]]
    assert shapes == [
        (96, 96, 64),
        (48, 48, 64),
        (42, 42, 128),
        (21, 21, 128),
        (18, 18, 128),
        (9, 9, 128),
        (6, 6, 256),
        (9216,),
        (4096,),
    ]


def test_parameters_of_the_paper():
    """(100·1+1)·64, (49·64+1)·128, (16·128+1)·128, (16·128+1)·256, (9,216+1)·4,096; one weight a feature and a bias."""
    branch = 6_464 + 401_536 + 262_272 + 524_544 + 37_752_832
    assert blueprint(siamese_encoder).count_params() == branch == 38_947_648
    assert blueprint(siamese).count_params() == branch + 4_097 == 38_951_745


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_it_is_its_formula(activation):
    """sigmoid(w · |h(a) - h(b)| + b), in NumPy from the encoder's features."""
    encoder = small_encoder()
    model = siamese(encoder=encoder, classifier_activation=activation)
    w, b = model.get_layer("same").get_weights()
    b += 0.3
    model.get_layer("same").set_weights([w, b])
    first, second = pair()
    score = np.abs(encoder.predict(first, verbose=0) - encoder.predict(second, verbose=0)) @ w + b
    expected = 1 / (1 + np.exp(-score)) if activation else score
    assert_allclose(model.predict([first, second], verbose=0), expected, rtol=1e-5, atol=1e-6)
    assert_allclose(model.predict([second, first], verbose=0), expected, rtol=1e-5, atol=1e-6)  # symmetric


def test_weights_are_shared():
    encoder = small_encoder()
    model = siamese(encoder=encoder)
    assert model.count_params() == encoder.count_params() + 6
    model.compile("sgd", "binary_crossentropy", run_eagerly=True)
    before = [weight.copy() for weight in encoder.get_weights()]
    model.train_on_batch(pair(), np.ones((6, 1)))
    assert any(np.abs(old - new).max() > 0 for old, new in zip(before, encoder.get_weights()))


@pytest.mark.parametrize(
    "build", [lambda: siamese((65, 70, 3), name="mine"), lambda: siamese(encoder=small_encoder(), name="mine")]
)
def test_saves_and_loads_without_custom_objects(build, tmp_path):
    model = build()
    assert (model.name, model.output_shape) == ("mine", (None, 1))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = pair(model.input_shape[0][1:], batch=2)
    assert_allclose(model.predict(x, verbose=0), again.predict(x, verbose=0), atol=1e-6)
    assert again.count_params() == model.count_params()  # still shared


@pytest.mark.parametrize("shape", [(64, 105, 1), (105, 105), (105, 105, 0), "image", None, (None, None, 1)])
def test_refusals_of_shapes(shape):
    with pytest.raises(ValueError, match="input_shape must be"):
        siamese(shape)


def test_refusals():
    with pytest.raises(ValueError, match="features must be an integer >= 1; got 0"):
        siamese_encoder(features=0)
    with pytest.raises(TypeError, match="encoder must be a keras.Model; got 'cnn'"):
        siamese(encoder="cnn")
    image = keras.Input((8, 8, 1))
    with pytest.raises(ValueError, match="encoder must lead from one image to one vector of features; got"):
        siamese(encoder=keras.Model(image, keras.layers.Conv2D(2, 3)(image)))


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(3, 9), min_size=2, max_size=12),
    shots=st.integers(1, 2),
    tasks=st.integers(1, 7),
    seed=st.integers(0, 2**20),
    values=st.data(),
)
def test_tasks_keep_their_rules(counts, shots, tasks, seed, values):
    """For any labels: classes are distinct, rows and queries are of their class, no example occurs twice in a task."""
    ways = values.draw(st.integers(2, len(counts)))
    labels = np.random.default_rng(seed).permutation(np.repeat(10 * np.arange(len(counts)) + 3, counts))
    support, query = one_shot_tasks(labels, ways, shots, tasks=tasks, seed=seed)
    assert support.shape == (tasks, ways, shots) and query.shape == (tasks, ways)
    for known, asked in zip(support, query):
        assert len(set(labels[asked])) == ways
        assert (labels[known] == labels[asked][:, None]).all()
        assert len({*known.ravel(), *asked}) == ways * (shots + 1)


def test_tasks_are_fixed_by_their_seed_and_shared_by_shots():
    labels = np.repeat(np.arange(30), 20)
    first, again, other = (one_shot_tasks(labels, tasks=5, seed=seed) for seed in (1, 1, 2))
    assert_array_equal(first.support, again.support)
    assert_array_equal(first.query, again.query)
    assert not np.array_equal(first.query, other.query)
    more = one_shot_tasks(labels, shots=10, tasks=5, seed=1)
    assert_array_equal(more.query, first.query)
    assert_array_equal(more.support[..., :1], first.support)


def test_every_class_and_example_is_as_likely():
    labels = np.repeat(np.arange(10), 5)
    support, query = one_shot_tasks(labels, 4, tasks=5000)
    for drawn in (support, query):
        counts = np.bincount(drawn.ravel(), minlength=50)  # 400 expected, standard deviation about 20
        assert np.abs(counts - 400).max() < 90


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"ways": 31}, ValueError, "ways must be at most 30, the number of classes; got 31"),
        ({"ways": 1}, ValueError, "ways must be an integer >= 2; got 1"),
        ({"ways": 2.0}, TypeError, "ways must be an integer .*; got 2.0"),
        ({"shots": 20}, ValueError, "shots must be at most 19, for class .* has 20 examples .*; got 20"),
        ({"shots": 0}, ValueError, "shots must be an integer >= 1; got 0"),
        ({"tasks": 0}, ValueError, "tasks must be an integer >= 1; got 0"),
        ({"seed": -1}, ValueError, "seed must be an integer >= 0; got -1"),
        ({"labels": np.zeros((3, 2))}, ValueError, r"labels must have the shape \(n\)"),
        ({"labels": []}, ValueError, r"labels must have the shape \(n\)"),
    ],
)
def test_bad_tasks(arguments, error, words):
    with pytest.raises(error, match=words):
        one_shot_tasks(**({"labels": np.repeat(np.arange(30), 20)} | arguments))


def test_an_encoder_without_an_input_is_refused():
    with pytest.raises(ValueError, match="encoder must begin with keras.Input"):
        siamese(encoder=keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)]))

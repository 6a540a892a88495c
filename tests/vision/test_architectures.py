"""The builders against `keras.applications`, the papers' figures and sums done by hand."""

import keras
import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_allclose

from coursekit import scratch
from coursekit.vision import architectures, blocks, blueprint, copy_weights

SMALL = {  # the least that each network takes: what is tested quickly
    "lenet5": {"input_shape": (32, 32, 1)},
    "alexnet": {"input_shape": (67, 67, 3)},
    "vgg16": {"input_shape": (32, 32, 3)},
    "resnet18": {"input_shape": (32, 32, 3)},
    "resnet34": {"input_shape": (32, 32, 3)},
    "resnet50": {"input_shape": (32, 32, 3)},
    "inception_v1": {"input_shape": (32, 32, 3)},
    "efficientnet_lite0": {"input_shape": (32, 32, 3)},
}
VARIANTS = [
    *SMALL.items(),
    ("lenet5", {"activation": "relu", "pooling": "max"}),
    ("alexnet", {"input_shape": (67, 67, 3), "groups": 2}),
    ("resnet18", {"input_shape": (8, 8, 1), "stem": "cifar"}),
    ("inception_v1", {"input_shape": (65, 65, 3), "auxiliary_heads": True}),
]


def build(name, /, **options):
    return getattr(architectures, name)(**options)


def images(model, batch=2, seed=0):
    return np.random.default_rng(seed).uniform(size=(batch, *model.input_shape[1:])).astype("float32")


def outputs(model, x):
    """What `predict` gives, without compiling a network of a hundred layers for it."""
    return ops.convert_to_numpy(model(x, training=False))


def randomise(model, seed=0):
    """Weights of every layer away from their starting values, running means and variances included."""
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        layer.set_weights(
            [w + generator.random(w.shape, "float32") * 0.1 * (w.std() or 1) for w in layer.get_weights()]
        )


@pytest.mark.parametrize(
    "name, reference, parameters",
    [("vgg16", keras.applications.VGG16, 138_357_544), ("resnet50", keras.applications.ResNet50, 25_636_712)],
)
def test_equals_keras_applications(name, reference, parameters):
    ours, theirs = build(name), reference(weights=None)
    randomise(theirs)
    assert ours.count_params() == theirs.count_params() == parameters
    copy_weights(theirs, ours)
    x = images(ours)
    assert_allclose(outputs(ours, x), outputs(theirs, x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("pooling", ["average", "max"])
def test_lenet5_is_its_formula(pooling, activation):
    """Layer by layer in NumPy, with the convolution and pooling of `coursekit.scratch`, which SciPy checks."""
    model = build("lenet5", pooling=pooling, activation=activation)
    randomise(model)
    weights, x = iter(model.get_weights()), images(model).astype("float64")
    phi = np.tanh if activation == "tanh" else lambda a: np.maximum(a, 0)
    pool = scratch.mean_pooling if pooling == "average" else scratch.max_pooling
    h = pool(phi(scratch.convolution(x, next(weights), next(weights))))
    h = pool(phi(scratch.convolution(h, next(weights), next(weights))))
    h = phi(scratch.convolution(h, next(weights), next(weights))).reshape(len(x), 120)
    h = phi(h @ next(weights) + next(weights))
    a = h @ next(weights) + next(weights)
    expected = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    assert_allclose(ops.convert_to_numpy(model(x)), expected, atol=1e-6)


def test_headless_features_equal_keras_applications():
    theirs = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(64, 96, 3))
    randomise(theirs)
    ours = architectures.resnet50((None, None, 3), include_top=False)
    copy_weights(theirs, ours)
    x = images(theirs)
    assert_allclose(outputs(ours, x), outputs(theirs, x), atol=1e-5, rtol=1e-4)


PARAMETERS = [
    # LeNet-5: C1 (25·1+1)·6 = 156; C3 (25·6+1)·16 = 2,416; C5 (25·16+1)·120 = 48,120;
    # F6 (120+1)·84 = 10,164; output (84+1)·10 = 850.
    ("lenet5", {}, 156 + 2_416 + 48_120 + 10_164 + 850),
    # AlexNet, one tower: (121·3+1)·96, (25·96+1)·256, (9·256+1)·384, (9·384+1)·384, (9·384+1)·256,
    # then 6·6·256 -> 4096 -> 4096 -> 1000.
    ("alexnet", {}, 34_944 + 614_656 + 885_120 + 1_327_488 + 884_992 + 37_752_832 + 16_781_312 + 4_097_000),
    # In two groups the filters of layers 2, 4 and 5 see half of the maps: 48, 192 and 192.
    (
        "alexnet",
        {"groups": 2},
        34_944
        + (25 * 48 + 1) * 256
        + 885_120
        + (9 * 192 + 1) * 384
        + (9 * 192 + 1) * 256
        + 37_752_832
        + 16_781_312
        + 4_097_000,
    ),
    # ResNet-18 without biases of convolutions: stem 9,408; stages of two blocks 147,456 + 524,288
    # + 2,097,152 + 8,388,608 with 64->128, 128->256, 256->512 at the start of the last three
    # (73,728, 294,912, 1,179,648 instead of 147,456, 589,824, 2,359,296) and projections
    # 8,192 + 32,768 + 131,072; dense 513,000. Each of the 4,800 output channels of a convolution
    # adds a bias and the four numbers of its batch normalisation.
    (
        "resnet18",
        {},
        9_408
        + 4 * 36_864
        + (73_728 + 3 * 147_456 + 8_192)
        + (294_912 + 3 * 589_824 + 32_768)
        + (1_179_648 + 3 * 2_359_296 + 131_072)
        + 513_000
        + 5 * 4_800,
    ),
    # ResNet-34 has 3, 4, 6, 3 blocks, hence 6, 8, 12, 6 convolutions, and 8,512 output channels.
    (
        "resnet34",
        {},
        9_408
        + 6 * 36_864
        + (73_728 + 7 * 147_456 + 8_192)
        + (294_912 + 11 * 589_824 + 32_768)
        + (1_179_648 + 5 * 2_359_296 + 131_072)
        + 513_000
        + 5 * 8_512,
    ),
    # GoogLeNet, weights of Szegedy et al. 2015, table 1, exactly where the table rounds to thousands:
    # conv1 9,472; conv2 4,160 + 110,784; 3a 163,696; 3b 388,736; 4a 376,176; 4b 449,160; 4c 510,104;
    # 4d 605,376; 4e 868,352; 5a 1,043,456; 5b 1,444,080; linear 1,025,000.
    (
        "inception_v1",
        {},
        9_472
        + 4_160
        + 110_784
        + 163_696
        + 388_736
        + 376_176
        + 449_160
        + 510_104
        + 605_376
        + 868_352
        + 1_043_456
        + 1_444_080
        + 1_025_000,
    ),
    # Each auxiliary head: 1 x 1 convolution to 128, 4·4·128 -> 1024 -> 1000, behind 4a (512) and 4d (528).
    (
        "inception_v1",
        {"auxiliary_heads": True},
        6_998_552 + (512 + 1) * 128 + (528 + 1) * 128 + 2 * ((2_048 + 1) * 1_024 + (1_024 + 1) * 1_000),
    ),
    ("efficientnet_lite0", {}, 4_652_008 + 42_016),  # what is learned, and the running means and variances
]


@pytest.mark.parametrize("name, options, parameters", PARAMETERS, ids=lambda value: str(value))
def test_parameters_of_the_papers(name, options, parameters):
    assert blueprint(getattr(architectures, name), **options).count_params() == parameters


@pytest.mark.parametrize("name, options", VARIANTS, ids=str)
def test_saves_and_loads_without_custom_objects(name, options, tmp_path):
    model = build(name, classes=4, **options)
    randomise(model)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = images(model)
    for before, after in zip(
        *(m(x, training=False) if isinstance(m.output, list) else [m(x, training=False)] for m in (model, again))
    ):
        assert_allclose(before, after, atol=1e-6)
        assert_allclose(np.sum(before, axis=-1), 1, atol=1e-5)  # softmax


@pytest.mark.parametrize("name, options", VARIANTS, ids=str)
def test_every_weight_learns(name, options):
    """One step of training moves every kernel: no branch is left unconnected."""
    keras.utils.set_random_seed(0)
    model = build(name, classes=4, **options)
    heads = len(model.outputs)
    model.compile("adam", ["sparse_categorical_crossentropy"] * heads, loss_weights=[1.0] * heads, run_eagerly=True)
    kernels = [w for w in model.trainable_weights if len(w.shape) > 1]
    before = [ops.convert_to_numpy(w) for w in kernels]
    model.train_on_batch(images(model, 4), [np.arange(4)] * heads if heads > 1 else np.arange(4))
    assert not [w.path for w, old in zip(kernels, before) if np.array_equal(ops.convert_to_numpy(w), old)]


@pytest.mark.parametrize("name", SMALL)
def test_keras_conventions(name):
    smallest = SMALL[name]["input_shape"]
    model = build(name, input_shape=smallest, classes=3, classifier_activation=None, name="mine")
    assert (model.name, model.output_shape) == ("mine", (None, 3))
    x = 5 * images(model, 8) - 2
    assert np.ptp(model.predict(x, verbose=0).sum(axis=1)) > 1e-4  # scores, which need not add up to 1
    features = build(name, input_shape=smallest, include_top=False)
    assert len(features.output_shape) == 4
    assert features.count_params() < model.count_params()


@pytest.mark.parametrize("name", SMALL)
def test_refusals(name):
    height, width, channels = SMALL[name]["input_shape"]
    with pytest.raises(
        ValueError, match=rf"input_shape must be at least {height} x {height} pixels .* got \({height - 1}, "
    ):
        build(name, input_shape=(height - 1, width, channels))
    for shape in [(height, width), (height, width, 0), (height, width, 1.5), "image", 32, None, (None, None, 3)]:
        with pytest.raises(ValueError, match="input_shape must be three integers"):
            build(name, input_shape=shape)
    for classes in (0, -1, 2.5):
        with pytest.raises((TypeError, ValueError), match=f"classes must be an integer >= 1; got {classes}"):
            build(name, classes=classes)


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("lenet5", {"pooling": "mean"}, "pooling must be one of average, max; got 'mean'"),
        ("alexnet", {"groups": 3}, "groups must be 1 .* got 3"),
        ("resnet50", {"stem": "mnist"}, "stem must be one of imagenet, cifar; got 'mnist'"),
        ("resnet18", {"stem": "cifar", "input_shape": (7, 7, 3)}, "at least 8 x 8"),
        ("inception_v1", {"auxiliary_heads": True, "input_shape": (64, 64, 3)}, "at least 65 x 65"),
        ("inception_v1", {"auxiliary_heads": True, "include_top": False}, "needs include_top=True"),
    ],
)
def test_refusals_of_arguments(name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name, **options)


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize("name", SMALL)
def test_channels_first_is_refused(name, channels_first):
    """A keras.json of an old course would change the network in silence."""
    with pytest.raises(ValueError, match="image_data_format of Keras must be 'channels_last'; got 'channels_first'"):
        build(name)
    with pytest.raises(ValueError, match="channels_last"):
        blocks.residual_block(keras.Input((8, 8, 3)), 3)


def test_the_smallest_auxiliary_heads():
    """Pooling 5 x 5 needs 5 x 5 maps; 16 times smaller than the image, rounded up."""
    assert -(-65 // 16) == 5 and -(-64 // 16) == 4
    assert len(architectures.inception_v1((65, 65, 3), 4, auxiliary_heads=True).outputs) == 3

"""Operations against loops and the papers; blueprints against models."""

import resource

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit.vision import architectures, blueprint, count_operations


def test_a_blueprint_is_the_model_without_its_memory():
    plan, model = blueprint(architectures.lenet5, classes=7), architectures.lenet5(classes=7)
    assert plan.count_params() == model.count_params()
    assert [layer.output.shape for layer in plan.layers] == [layer.output.shape for layer in model.layers]
    assert count_operations(plan) == count_operations(model)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    plans = [blueprint(keras.Sequential, [keras.Input((2**14,)), keras.layers.Dense(2**17)])]  # 8.6 GB of weights
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])  # nor are they filled later
    assert plans[0].count_params() == 2**31 + 2**17
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1e6  # kB


@pytest.mark.parametrize(
    "name, options, paper",
    [
        ("vgg16", {}, 15.5e9),  # Canziani et al. 2016 count 2 x 15.5 G; He et al. 2016, figure 3: VGG-19 19.6 G
        ("resnet18", {}, 1.8e9),  # He et al. 2016, table 1
        ("resnet34", {}, 3.6e9),
        ("resnet50", {}, 3.8e9),
        ("inception_v1", {}, 1.5e9),  # Szegedy et al. 2015, section 5: 1.5 billion multiply-adds
        ("alexnet", {"groups": 2}, 0.72e9),  # Krizhevsky's two groups
        ("efficientnet_lite0", {}, 0.407e9),  # the authors' table beside their checkpoints
        ("lenet5", {}, 416_520),  # 784·150 + 100·2,400 + 48,000 + 10,080 + 840 products
    ],
)
def test_operations_of_the_papers(name, options, paper):
    assert count_operations(blueprint(getattr(architectures, name), **options)) == pytest.approx(
        paper, rel=0.06 if paper > 1e6 else 0
    )


@settings(deadline=None, max_examples=25)
@given(
    st.integers(6, 12),
    st.integers(1, 4),
    st.sampled_from([1, 2, 4]),
    st.integers(1, 3),
    st.integers(1, 2),
    st.sampled_from(["same", "valid"]),
)
def test_operations_are_counted_as_a_loop_would(size, f, groups, filters, strides, padding):
    image = keras.Input((size, size, 4))
    x = keras.layers.Conv2D(filters * groups, f, strides, padding, groups=groups)(image)
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    places = x.shape[1] * x.shape[2]
    products = sum(f * f * (4 // groups) for _ in range(places) for _ in range(filters * groups))
    assert count_operations(model) == products + places * filters * groups * 3


@pytest.mark.parametrize("strides, multiplier", [(1, 1), (2, 3)])
def test_operations_of_a_depthwise_convolution(strides, multiplier):
    """f · f for each of height · width · channels outputs: a ninth of what it costs to mix 9 channels as well."""
    image = keras.Input((8, 6, 9))
    layer = keras.layers.DepthwiseConv2D(3, strides, "same", depth_multiplier=multiplier)
    model = keras.Model(image, layer(image))
    assert count_operations(model) == (8 // strides) * (6 // strides) * 9 * multiplier * 3 * 3
    full = keras.Model(image, keras.layers.Conv2D(9 * multiplier, 3, strides, "same")(image))
    assert count_operations(full) == 9 * count_operations(model)


def test_operations_of_a_nested_model():
    inner = architectures.lenet5()
    image = keras.Input((32, 32, 1))
    assert count_operations(keras.Model(image, inner(image))) == count_operations(inner)


def test_operations_refuse_what_they_cannot_count():
    with pytest.raises(ValueError, match="model must begin with keras.Input"):
        count_operations(keras.Sequential([keras.layers.Dense(3)]))
    with pytest.raises(ValueError, match="fixed input_shape"):
        count_operations(architectures.vgg16((None, None, 3), include_top=False))
    image = keras.Input((8, 8, 2))
    with pytest.raises(ValueError, match="is a Conv2DTranspose"):
        count_operations(keras.Model(image, keras.layers.Conv2DTranspose(2, 3)(image)))

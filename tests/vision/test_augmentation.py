"""Random distortions against SciPy's affine maps, and the manners of a Keras layer."""

import keras
import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_allclose
from scipy import ndimage

from coursekit.vision.augmentation import RandomDistortion

STILL = {"rotation": 0.0, "shear": 0.0, "scale": 0.0, "squeeze": 0.0, "shift": 0.0}


def blobs(batch=4, height=32, width=32):
    """Soft spots away from the border, which interpolate well."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    centres = generator.uniform(0.35, 0.65, (batch, 3, 2)) * (height, width)
    spots = [sum(np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 18) for cy, cx in image) for image in centres]
    return np.array(spots, "float32")[..., None]


def distorted(x, seed=1, **ranges):
    return ops.convert_to_numpy(RandomDistortion(**(STILL | ranges), seed=seed)(x, training=True))


def moments(image):
    """Mass, centre and covariance of the ink: what an affine map moves in closed form."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    points, mass = np.stack([x.ravel(), y.ravel()]), image.ravel()
    centre = points @ mass / mass.sum()
    return mass.sum(), centre, (points - centre[:, None]) * mass @ (points - centre[:, None]).T / mass.sum()


def test_nothing_at_test_time_and_nothing_with_empty_ranges():
    x = blobs()
    assert_allclose(ops.convert_to_numpy(RandomDistortion()(x, training=False)), x)
    assert_allclose(distorted(x), x, atol=1e-6)


def test_rotation_is_scipys():
    x = blobs(32)
    turned = distorted(x, rotation=30.0)
    angles = []
    for before, after in zip(x[..., 0], turned[..., 0]):
        fits = {
            angle: np.abs(ndimage.rotate(before, angle, reshape=False, order=1) - after).max()
            for angle in np.linspace(-30, 30, 121)
        }
        angles.append(min(fits, key=fits.get))
        assert fits[angles[-1]] < 0.03
    assert min(angles) < -15 and max(angles) > 15


def test_shift_moves_the_centre_and_nothing_else():
    x = blobs(64, height=40, width=36)
    moved = distorted(x, shift=3.0)
    steps = []
    for before, after in zip(x[..., 0], moved[..., 0]):
        (mass, centre, spread), (mass_after, centre_after, spread_after) = moments(before), moments(after)
        steps.append(centre_after - centre)
        assert mass_after == pytest.approx(mass, rel=0.01)
        assert_allclose(spread_after, spread, atol=0.4)  # the interpolation blurs a little
    steps = np.array(steps)
    assert np.abs(steps).max() <= 3.05 and (steps.min(axis=0) < -1.5).all() and (steps.max(axis=0) > 1.5).all()


@pytest.mark.parametrize(
    "name, largest, ratio",
    [
        ("scale", 0.2, lambda xx, yy: (xx, yy)),  # both axes change alike
        ("squeeze", 0.2, lambda xx, yy: (yy, 1.0)),  # the height stays
    ],
)
def test_scale_and_squeeze_stretch_the_ink(name, largest, ratio):
    x = blobs(64, height=48, width=48)
    stretches = []
    for before, after in zip(x[..., 0], distorted(x, **{name: largest})[..., 0]):
        spread, spread_after = moments(before)[2], moments(after)[2]
        xx, yy = np.sqrt(spread_after[0, 0] / spread[0, 0]), np.sqrt(spread_after[1, 1] / spread[1, 1])
        measured, expected = ratio(xx, yy)
        assert measured == pytest.approx(expected, abs=0.02)
        stretches.append(xx)
    assert 1 / (1 + largest) - 0.01 < min(stretches) < 0.9 and 1.1 < max(stretches) < 1 / (1 - largest) + 0.01


def test_shear_leans_the_ink():
    x = blobs(64)
    leans = []
    for before, after in zip(x[..., 0], distorted(x, shear=0.3)[..., 0]):
        spread, spread_after = moments(before)[2], moments(after)[2]
        assert spread_after[1, 1] == pytest.approx(spread[1, 1], rel=0.05)
        leans.append(spread[0, 1] / spread[1, 1] - spread_after[0, 1] / spread_after[1, 1])
    assert np.abs(leans).max() <= 0.31 and min(leans) < -0.15 and max(leans) > 0.15


def test_the_border_is_filled():
    x = np.ones((8, 10, 10, 2), "float32")
    moved = distorted(x, shift=3.0, fill_value=-0.5)
    assert moved.min() == pytest.approx(-0.5) and moved.max() == pytest.approx(1)


def test_each_image_has_its_own_map_and_the_seed_decides():
    x = np.repeat(blobs(1), 4, axis=0)
    first, again, other = (distorted(x, seed=seed, rotation=20.0) for seed in (3, 3, 4))
    assert_allclose(first, again)
    assert np.abs(first - other).max() > 0.01
    assert np.abs(first[0] - first[1]).max() > 0.01
    layer = RandomDistortion(seed=3)
    assert np.abs(layer(x, training=True) - layer(x, training=True)).max() > 0.01  # a new one each time


def test_it_is_a_layer_of_a_model(tmp_path):
    image = keras.Input((32, 32, 1))
    model = keras.Model(image, keras.layers.Flatten()(RandomDistortion(rotation=5.0, fill_value=-0.1, seed=7)(image)))
    assert model.count_params() == 0
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.layers[1].get_config() == model.layers[1].get_config()
    x = blobs()
    assert_allclose(again.predict(x, verbose=0), x.reshape(4, -1))
    assert_allclose(again(x, training=True), model(x, training=True))


@pytest.mark.parametrize("name, value", [("rotation", -1.0), ("scale", 1.0), ("squeeze", 1.5), ("shift", float("nan"))])
def test_refusals(name, value):
    with pytest.raises(ValueError, match=f"{name} must be >= 0.* got {value}"):
        RandomDistortion(**{name: value})


def test_images_of_unknown_size_can_be_trained_on():
    model = keras.Sequential(
        [keras.Input((None, None, 1)), RandomDistortion(seed=1), keras.layers.GlobalAveragePooling2D()]
        + [keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    for side in (8, 12):
        history = model.fit(np.ones((4, side, side, 1), "float32"), np.ones(4), verbose=0).history
        assert np.isfinite(history["loss"]).all()

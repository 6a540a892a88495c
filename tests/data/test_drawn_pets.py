"""The drawn photographs: laws of the generator, true boxes and masks, and what tells the breeds apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from coursekit.data import draw_pets
from coursekit.data.drawn_pets import BREEDS


@pytest.fixture(scope="module")
def pets():
    return draw_pets(90)


@pytest.fixture(scope="module")
def others():
    return draw_pets(90, split="test")


def test_shapes_and_types(pets):
    images, labels, boxes, masks = pets
    assert images.shape == (90, 160, 160, 3) and images.dtype == np.uint8
    assert labels.shape == (90,) and labels.dtype == np.int64
    assert boxes.shape == (90, 4) and boxes.dtype == np.float32
    assert masks.shape == (90, 160, 160) and masks.dtype == np.uint8
    assert len(BREEDS) == 3


@settings(max_examples=5, deadline=None)
@given(
    size=st.integers(1, 4),
    more=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
    split=st.sampled_from(["train", "test"]),
)
def test_a_picture_does_not_depend_on_how_many_are_drawn(size, more, seed, split):
    for few, many in zip(draw_pets(size, seed, split), draw_pets(size + more, seed, split)):
        np.testing.assert_array_equal(few, many[:size])


def test_splits_and_seeds_share_no_picture(pets, others):
    seen = {image.tobytes() for part in (pets, others, draw_pets(9, seed=1)) for image in part[0]}
    assert len(seen) == 90 + 90 + 9


def test_three_in_a_row_are_the_three_breeds_in_any_order(pets):
    rows = pets[1].reshape(-1, 3)
    assert (np.sort(rows, axis=1) == [0, 1, 2]).all()
    assert len({tuple(row) for row in rows}) == 6


def test_animals_fill_a_fair_share_of_the_picture(pets):
    shares = pets[3].mean(axis=(1, 2))
    assert shares.min() >= 0.15 and shares.max() <= 0.65 and 0.25 < shares.mean() < 0.45


def test_boxes_hold_a_head_of_the_animal(pets):
    """They lie in the picture, and each side touches the animal, of which the head is a part."""
    _, _, boxes, masks = pets
    np.testing.assert_array_equal(boxes, np.round(boxes))
    for (x1, y1, x2, y2), mask in zip(boxes.astype(int), masks):
        assert 0 <= x1 < x2 <= 160 and 0 <= y1 < y2 <= 160
        head = mask[y1:y2, x1:x2]
        assert head[0].any() and head[-1].any() and head[:, 0].any() and head[:, -1].any()
        assert head.mean() > 0.5


def test_masks_follow_the_edges_of_the_pictures():
    """The same pictures on a black background: what is not black is the animal."""
    from coursekit.data import drawn_pets

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawn_pets, "_background", lambda generator: np.full((160, 160, 3), -10.0))
        images, _, _, masks = draw_pets(9)
    for image, mask in zip(images, masks):
        assert np.mean((image.max(axis=2) > 0) == mask) > 0.98


def test_colours_tell_little_and_imagenet_tells_the_breeds(pets, others):
    """Brightness and colour are chance; a network trained on photographs sees which animal it is."""
    from coursekit.vision import efficientnet_lite0, load_imagenet_weights

    network = load_imagenet_weights(efficientnet_lite0((160, 160, 3), include_top=False))

    def score(features):
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        return classifier.fit(features(pets[0]), pets[1]).score(features(others[0]), others[1])

    assert score(lambda x: np.hstack([x.mean(axis=(1, 2)), x.std(axis=(1, 2))])) < 0.55
    assert score(lambda x: network.predict((x.astype("float32") - 127) / 128, verbose=0).mean(axis=(1, 2))) > 0.88


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"size": 0}, ValueError, "size must be an integer >= 1; got 0"),
        ({"size": 2.5}, TypeError, "size must be an integer .*; got 2.5"),
        ({"size": 5, "seed": -1}, ValueError, "seed must be an integer in 0 ... 4294967295; got -1"),
        ({"size": 5, "split": "validation"}, ValueError, "split must be one of train, test; got 'validation'"),
    ],
)
def test_bad_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        draw_pets(**arguments)

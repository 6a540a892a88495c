"""Anchors against a loop over cells, encoding against its formulas and a round trip, matching against its rule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit.vision import anchor_grid, box_iou, decode_boxes, encode_boxes, match_anchors

seeds = st.integers(0, 2**32 - 1)


def random_boxes(generator, n, size=64):
    corners = generator.uniform(0, size - 4, (n, 2))
    return np.hstack([corners, corners + generator.uniform(2, size / 2, (n, 2))])


def test_anchors_are_those_of_a_loop_over_the_cells():
    expected = []
    for row in range(3):
        for column in range(5):
            x, y = 8 * column + 4, 8 * row + 4
            for width, height in ((6, 20), (12, 7.5)):
                expected.append([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    np.testing.assert_allclose(anchor_grid((24, 40), 8, [(6, 20), (12, 7.5)]), expected)


def test_anchors_stand_in_the_order_of_a_reshaped_feature_map():
    maps = np.arange(4 * 6 * 2).reshape(1, 4, 6, 2).reshape(1, -1)[0]  # cell and size, numbered
    anchors = anchor_grid((32, 48), 8, [(4, 4), (16, 16)])
    number = 2 * (6 * 3 + 5) + 1  # row 3, column 5, the larger
    assert maps[number] == number
    np.testing.assert_allclose(anchors[number], [36, 20, 52, 36])


@given(seed=seeds, n=st.integers(0, 12), images=st.integers(1, 3))
@settings(deadline=None, max_examples=40)
def test_decoding_undoes_encoding(seed, n, images):
    generator = np.random.default_rng(seed)
    boxes, anchors = random_boxes(generator, n), random_boxes(generator, n)
    offsets = encode_boxes(boxes, anchors)
    np.testing.assert_allclose(decode_boxes(offsets, anchors), boxes, atol=1e-9)
    many = decode_boxes(np.stack([offsets] * images), anchors)
    np.testing.assert_allclose(many, np.stack([boxes] * images), atol=1e-9)


def test_offsets_are_those_of_the_paper():
    [offsets] = encode_boxes([[20, 30, 40, 70]], [[10, 40, 20, 60]])
    np.testing.assert_allclose(offsets, [(30 - 15) / 10, (50 - 50) / 20, np.log(2), np.log(2)])
    np.testing.assert_allclose(encode_boxes([[1, 2, 3, 5]], [[1, 2, 3, 5]]), 0)


@given(seed=seeds, m=st.integers(0, 6), threshold=st.floats(0.2, 0.9))
@settings(deadline=None, max_examples=60)
def test_matching_keeps_its_rule(seed, m, threshold):
    anchors = anchor_grid((64, 64), 16, [(12, 20), (24, 24)])
    boxes = random_boxes(np.random.default_rng(seed), m)
    owner, overlaps = match_anchors(anchors, boxes, threshold), box_iou(anchors, boxes)
    assert set(owner) >= set(range(m)), "every box has an anchor"
    forced = 0
    for anchor, box in enumerate(owner):
        best = overlaps[anchor].max(initial=0)
        if box < 0:
            assert best < threshold
        elif overlaps[anchor, box] < max(best, threshold):  # not by the threshold: it is that box's own
            forced += 1
    assert forced <= m


def test_the_best_pair_is_served_first():
    anchors = np.array([[0.0, 0, 10, 10], [100, 0, 110, 10]])
    boxes = np.array([[0.0, 0, 10, 14], [0, 0, 10, 11]])  # both overlap the first anchor only
    np.testing.assert_array_equal(match_anchors(anchors, boxes), [1, 0])


def test_empty_scenes_match_nothing():
    anchors = anchor_grid((16, 16), 8, [(8, 8)])
    np.testing.assert_array_equal(match_anchors(anchors, np.zeros((0, 4))), [-1] * 4)
    assert encode_boxes(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((20, 16), 8, [(4, 4)]), r"image_shape must be \(height, width\), multiples of stride, 8; got \(20, 16\)"),
        (((16, 16, 3), 8, [(4, 4)]), "image_shape must be"),
        (((16, 16), 0, [(4, 4)]), "stride must be an integer >= 1; got 0"),
        (((16, 16), 8, []), r"sizes must be pairs \(width, height\) of numbers > 0, at least one; got \[\]"),
        (((16, 16), 8, [(4, -1)]), "sizes must be pairs"),
        (((16, 16), 8, [4, 4]), "sizes must be pairs"),
    ],
)
def test_wrong_grids_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        anchor_grid(*arguments)


def test_wrong_types_are_refused():
    with pytest.raises(TypeError, match="stride must be an integer"):
        anchor_grid((16, 16), 8.0, [(4, 4)])
    with pytest.raises(TypeError, match="threshold must be a number"):
        match_anchors(np.zeros((0, 4)), np.zeros((0, 4)), "0.5")


def test_wrong_boxes_are_refused():
    box = [[0.0, 0, 4, 4]]
    with pytest.raises(ValueError, match="anchors must be as many as boxes, 1; got 2"):
        encode_boxes(box, box * 2)
    with pytest.raises(ValueError, match="boxes must have x1 < x2"):
        encode_boxes([[4.0, 0, 4, 4]], box)
    with pytest.raises(ValueError, match="anchors must have x1 < x2"):
        match_anchors([[4.0, 0, 4, 4]], box)
    with pytest.raises(ValueError, match="boxes must have x1 < x2"):
        match_anchors(box, [[4.0, 0, 4, 4]])
    with pytest.raises(ValueError, match="boxes must be at most as many as anchors, 1; got 2"):
        match_anchors(box, box * 2)
    with pytest.raises(ValueError, match="threshold must be a number >= 0 and <= 1; got 1.5"):
        match_anchors(box, box, 1.5)
    with pytest.raises(ValueError, match=r"offsets must be finite, of the shape \(\[images,\] 1, 4\)"):
        decode_boxes(np.zeros((2, 4)), box)
    with pytest.raises(ValueError, match="offsets must be finite"):
        decode_boxes([[0, 0, np.inf, 0]], box)

"""Scenes with digits: boxes tight around the ink, the same seed the same scenes, no digit in both splits."""

import numpy as np
import pytest

from coursekit.data import load_scenes
from coursekit.data import scenes as module
from coursekit.vision import box_iou
from coursekit.vision.boxes import check_boxes


@pytest.fixture(scope="module")
def scenes():
    return load_scenes("train", 60, source="stroke_digits")


def test_shapes_types_and_ranges(scenes):
    assert scenes.images.shape == (60, 64, 64, 3) and scenes.images.dtype == "float32"
    assert scenes.masks.shape == (60, 64, 64) and scenes.masks.dtype == "uint8"
    assert 0 <= scenes.images.min() and scenes.images.max() <= 1
    assert len(scenes.boxes) == len(scenes.labels) == 60
    for boxes, labels in zip(scenes.boxes, scenes.labels):
        assert boxes.dtype == "float32" and labels.dtype == "int64" and len(boxes) == len(labels) <= 4
        check_boxes("boxes", boxes, image_shape=(64, 64))  # none leaves the image
    assert {len(boxes) for boxes in scenes.boxes} == {0, 1, 2, 3, 4}
    assert set(np.concatenate(scenes.labels)) == set(range(10))


def test_boxes_are_tight_around_the_ink(scenes):
    """Where a box shares nothing with another, rows and columns of its digit's mask end at its sides."""
    checked = 0
    for mask, boxes, labels in zip(scenes.masks, scenes.boxes, scenes.labels):
        for box, label, overlaps in zip(boxes, labels, box_iou(boxes, boxes) if len(boxes) else []):
            if np.count_nonzero(overlaps) == 1:
                x1, y1, x2, y2 = box.astype(int)
                y, x = np.nonzero(mask[y1:y2, x1:x2] == 1 + label)
                assert (x.min(), y.min(), x.max() + 1, y.max() + 1) == (0, 0, x2 - x1, y2 - y1)
                checked += 1
    assert checked > 50


def test_ink_lies_in_boxes_and_is_brighter_than_the_canvas(scenes):
    for image, mask, boxes, labels in zip(*scenes[:1], scenes.masks, scenes.boxes, scenes.labels):
        covered = np.zeros(mask.shape, bool)
        for x1, y1, x2, y2 in boxes.astype(int):
            covered[y1:y2, x1:x2] = True
        assert not mask[~covered].any()
        assert set(np.unique(mask)) <= {0, *(1 + labels)}
        if len(boxes):
            assert image[mask > 0].mean() > image[~covered].mean() + 0.1


def test_longer_sides_and_overlaps_are_in_their_range():
    scenes = load_scenes("test", 40, most=6, sides=(10, 20), image_size=48, source="stroke_digits")
    for boxes in scenes.boxes:
        sides = boxes[:, 2:] - boxes[:, :2]
        longer = sides.max(axis=1) if len(boxes) else np.array([10])
        assert (longer >= 8).all() and (longer <= 20).all()  # a faint end may be cut off
        for a in range(len(boxes)):
            for b in range(a):
                shared = np.minimum(boxes[a, 2:], boxes[b, 2:]) - np.maximum(boxes[a, :2], boxes[b, :2])
                area = np.prod(np.maximum(shared, 0))
                assert area <= module.OVERLAP * min(np.prod(sides[a]), np.prod(sides[b])) + 1e-6


def test_the_same_seed_gives_the_same_scenes(scenes):
    again = load_scenes("train", 60, source="stroke_digits")
    np.testing.assert_array_equal(again.images, scenes.images)
    np.testing.assert_array_equal(np.concatenate(again.boxes), np.concatenate(scenes.boxes))
    other = load_scenes("train", 60, source="stroke_digits", seed=1)
    assert not np.array_equal(other.images, scenes.images)
    fewer = load_scenes("train", 20, source="stroke_digits")
    np.testing.assert_array_equal(fewer.images, scenes.images[:20])


def test_whole_numbers_are_the_same_scenes(scenes):
    whole = load_scenes("train", 60, source="stroke_digits", dtype="uint8")
    assert whole.images.dtype == "uint8" and whole.images.nbytes * 4 == scenes.images.nbytes
    np.testing.assert_allclose(whole.images / 255, scenes.images, atol=0.501 / 255)
    np.testing.assert_array_equal(whole.masks, scenes.masks)
    np.testing.assert_array_equal(np.concatenate(whole.boxes), np.concatenate(scenes.boxes))


def test_each_split_takes_its_own_digits(monkeypatch):
    asked = []

    def load_digits(split, **options):
        asked.append(split)
        return np.ones((5, 28, 28, 1), "float32"), np.arange(5)

    monkeypatch.setattr(module, "load_digits", load_digits)
    load_scenes("train", 3)
    load_scenes("test", 3)
    assert asked == ["train", "test"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"split": "validation"}, ValueError, "split must be one of train, test; got 'validation'"),
        ({"size": 0}, ValueError, "size must be an integer >= 1; got 0"),
        ({"size": 2.5}, TypeError, "size must be an integer >= 1; got 2.5"),
        ({"image_size": 4}, ValueError, "image_size must be an integer >= 8; got 4"),
        ({"most": 0}, ValueError, "most must be an integer >= 1; got 0"),
        ({"seed": -1}, ValueError, "seed must be an integer >= 0; got -1"),
        ({"sides": (30, 14)}, ValueError, r"sides must be two integers, .*image_size, 64; got \(30, 14\)"),
        ({"sides": (14, 65)}, ValueError, "sides must be two integers"),
        ({"sides": 20}, ValueError, "sides must be two integers"),
        ({"source": "letters"}, ValueError, "source must be one of"),
        ({"dtype": "float16"}, ValueError, "dtype must be one of float32, uint8; got 'float16'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        load_scenes(**{"split": "train", "size": 2} | arguments)

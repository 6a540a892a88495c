"""Boxes and masks against TensorFlow's suppression, COCO's own evaluation, Keras' MeanIoU and counting pixels."""

import contextlib
import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from coursekit.vision import average_precision, box_iou, dice, mean_iou, non_maximum_suppression
from coursekit.vision.boxes import check_boxes


def random_boxes(generator, n, size=20, whole=False):
    corners = generator.uniform(0, size - 2, (n, 2))
    boxes = np.hstack([corners, corners + generator.uniform(1, size / 2, (n, 2))])
    return np.floor(boxes) + [0, 0, 1, 1] if whole else boxes


seeds = st.integers(0, 2**32 - 1)


@given(seed=seeds, n=st.integers(0, 6), m=st.integers(0, 6))
@settings(deadline=None, max_examples=40)
def test_iou_is_counted_in_pixels(seed, n, m):
    generator = np.random.default_rng(seed)
    boxes, others = random_boxes(generator, n, whole=True), random_boxes(generator, m, whole=True)

    def pixels(box):
        x1, y1, x2, y2 = map(int, box)
        return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}

    expected = [[len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b)) for b in others] for a in boxes]
    np.testing.assert_allclose(box_iou(boxes, others), np.reshape(expected, (n, m)), atol=1e-12)


@given(seed=seeds, n=st.integers(0, 30), threshold=st.floats(0.05, 0.95), most=st.none() | st.integers(1, 10))
@settings(deadline=None, max_examples=40)
def test_suppression_is_tensorflows(seed, n, threshold, most):
    generator = np.random.default_rng(seed)
    boxes, scores = random_boxes(generator, n), generator.permutation(n) / 10
    expected = tf.image.non_max_suppression(boxes.astype("float32"), scores.astype("float32"), most or n, threshold)
    np.testing.assert_array_equal(non_maximum_suppression(boxes, scores, threshold, most), expected)


def by_coco(detections, truths, threshold):
    coco = pytest.importorskip("pycocotools.coco")
    from pycocotools.cocoeval import COCOeval

    def as_coco(box):
        return [*map(float, (box[0], box[1], box[2] - box[0], box[3] - box[1]))]

    truth = coco.COCO()
    annotations = [
        {"image_id": image, "bbox": as_coco(box), "category_id": 1, "iscrowd": 0, "area": 1.0}
        for image, boxes in enumerate(truths)
        for box in boxes
    ]
    truth.dataset = {
        "images": [{"id": image} for image in range(len(truths))],
        "categories": [{"id": 1}],
        "annotations": [a | {"id": number} for number, a in enumerate(annotations, 1)],
    }
    found = [
        {"image_id": image, "bbox": as_coco(box), "category_id": 1, "score": float(score)}
        for image, (boxes, scores) in enumerate(detections)
        for box, score in zip(boxes, scores)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.params.iouThrs = np.array([threshold])
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][0, :, 0, 0, -1].mean()


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.75])
def test_average_precision_is_cocos(seed, threshold):
    generator = np.random.default_rng(seed)
    truths = [random_boxes(generator, generator.integers(0, 5)) for _ in range(8)]
    truths[0] = random_boxes(generator, 2)
    detections = []
    for boxes in truths:  # some true ones moved a little, some twice, and some others
        copies = boxes[generator.integers(0, len(boxes), 5)] if len(boxes) else np.zeros((0, 4))
        moved = copies + generator.uniform(-0.7, 0.7, copies.shape) * (copies[:, 2:] - copies[:, :2]).min(initial=1) / 2
        candidates = np.vstack([moved, random_boxes(generator, 2)])
        candidates = candidates[(candidates[:, :2] + 0.1 < candidates[:, 2:]).all(axis=1)]
        detections.append((candidates, generator.uniform(size=len(candidates))))
    ours = average_precision(detections, truths, threshold)
    assert ours == pytest.approx(by_coco(detections, truths, threshold), abs=1e-9)


def test_average_precision_at_its_ends():
    boxes, none = np.array([[0, 0, 4, 4], [5, 5, 9, 9]]), np.zeros((0, 4))
    assert average_precision([(boxes, [0.9, 0.8])], [boxes]) == 1
    assert average_precision([(none, [])], [boxes]) == 0
    assert average_precision([(boxes[:1], [0.5])], [boxes]) == pytest.approx(51 / 101)  # the recalls 0 ... 0.5
    assert average_precision([(boxes, [0.1, 0.2]), (none, [])], [none, boxes]) == 0
    once_and_again = np.repeat(boxes[:1], 2, axis=0)  # the second copy is wrong
    assert average_precision([(once_and_again, [0.9, 0.8])], [boxes[:1]]) == 1
    assert average_precision([(once_and_again, [0.9, 0.8])], [boxes]) == pytest.approx(51 / 101)


@given(seed=seeds, classes=st.integers(2, 5))
@settings(deadline=None, max_examples=25)
def test_mean_iou_is_keras(seed, classes):
    generator = np.random.default_rng(seed)
    labels, predictions = generator.integers(0, generator.integers(1, classes + 1), (2, 3, 5, 4))
    metric = keras.metrics.MeanIoU(classes)
    metric.update_state(labels, predictions)
    assert mean_iou(labels, predictions, classes) == pytest.approx(float(metric.result()), rel=1e-5)


@given(seed=seeds)
@settings(deadline=None, max_examples=25)
def test_dice_is_the_f1_score_of_pixels(seed):
    labels, predictions = np.random.default_rng(seed).integers(0, 2, (2, 6, 5)) > 0
    expected = f1_score(labels.ravel(), predictions.ravel(), zero_division=1)
    assert dice(labels, predictions) == pytest.approx(expected)


def test_dice_of_empty_masks():
    assert dice(np.zeros((3, 3), int), np.zeros((3, 3), int)) == 1


@pytest.mark.parametrize(
    "boxes, message",
    [
        ([0, 0, 1, 1], r"must have the shape \(n, 4\) for x1, y1, x2, y2; got \(4,\)"),
        ([[0, 0, 1]], r"got \(1, 3\)"),
        ([[0, 0, 1, 1], [3, 0, 2, 1]], r"must have x1 < x2 and y1 < y2 in pixels; got \[3.0, 0.0, 2.0, 1.0\]"),
        ([[0, 0, 1, np.nan]], "must have x1 < x2 and y1 < y2"),
        ([[0, 0, np.inf, 1]], "must have x1 < x2 and y1 < y2"),
        ([[-1, 0, 1, 1]], r"must lie in the image of 6 x 4 pixels; got \[-1.0, 0.0, 1.0, 1.0\]"),
        ([[0, 0, 6.5, 1]], "must lie in the image"),
        ([[0, 0, 6, 5]], "must lie in the image"),
    ],
)
def test_boxes_that_are_refused(boxes, message):
    with pytest.raises(ValueError, match=f"boxes .*{message}" if message.startswith("got") else f"boxes {message}"):
        check_boxes("boxes", boxes, (4, 6))
    assert check_boxes("boxes", [[0, 0, 6, 4]], (4, 6)).shape == (1, 4)


def test_what_else_is_refused():
    boxes, mask = np.array([[0, 0, 1, 1]]), np.zeros((2, 3), int)
    for call, message in (
        (lambda: non_maximum_suppression(boxes, [1, 2]), "scores must be 1 finite numbers, one a box"),
        (lambda: non_maximum_suppression(boxes, [np.nan]), "scores must be 1 finite numbers"),
        (lambda: non_maximum_suppression(boxes, [1], 1.5), "threshold must be a number >= 0 and <= 1; got 1.5"),
        (lambda: non_maximum_suppression(boxes, [1], most=0), "most must be an integer >= 1; got 0"),
        (lambda: average_precision([(boxes, [1])], [boxes[:, :3]]), "truths must have the shape"),
        (lambda: average_precision([(boxes[:, :3], [1])], [boxes]), "detections must have the shape"),
        (lambda: average_precision([(boxes, [1])], []), "truths must be as many as detections, 1; got 0"),
        (lambda: average_precision([(boxes, [1])], [np.zeros((0, 4))]), "truths must hold at least one box; got none"),
        (lambda: mean_iou(mask, mask.T, 2), r"predictions must have the shape of labels, \(2, 3\); got \(3, 2\)"),
        (lambda: mean_iou(mask[:0], mask[:0], 2), r"labels must hold at least one pixel; got the shape \(0, 3\)"),
        (lambda: mean_iou(mask, mask + 2, 2), r"predictions must be integers 0 ... 1; got 2 ... 2"),
        (lambda: mean_iou(mask, mask, 1), "classes must be an integer >= 2; got 1"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match=r"predictions must be integers 0 ... 1; got float64"):
        dice(mask, mask / 2)

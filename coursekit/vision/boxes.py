"""Boxes and masks: how well a found one covers a true one, which of several to keep, and how good a detector is.

A box is (x1, y1, x2, y2) in pixels, x to the right and y downwards, its lower right corner included in
neither direction: a box of one pixel at the origin is (0, 0, 1, 1). Boxes are arrays (n, 4); n may be 0.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from coursekit.checks import check_integer, check_number

__all__ = ["average_precision", "box_iou", "check_boxes", "dice", "mean_iou", "non_maximum_suppression"]

RECALLS = np.linspace(0, 1, 101)  # where COCO reads the precision


def check_boxes(name: str, boxes: Any, image_shape: tuple[int, int] | None = None) -> np.ndarray:
    """Boxes as a float64 array (n, 4).

    Args:
        image_shape: (height, width), if they must lie inside an image.

    Raises:
        ValueError: another shape, NaN or infinity, a side that is not > 0, a box that leaves the image.
    """
    boxes = np.asarray(boxes, "float64")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{name} must have the shape (n, 4) for x1, y1, x2, y2; got {boxes.shape}")
    if len(wrong := np.flatnonzero(~(np.isfinite(boxes).all(axis=1) & (boxes[:, :2] < boxes[:, 2:]).all(axis=1)))):
        raise ValueError(f"{name} must have x1 < x2 and y1 < y2 in pixels; got {boxes[wrong[0]].tolist()}")
    if image_shape is not None:
        height, width = image_shape
        outside = (boxes[:, :2] < 0).any(axis=1) | (boxes[:, 2] > width) | (boxes[:, 3] > height)
        if outside.any():
            raise ValueError(
                f"{name} must lie in the image of {width} x {height} pixels; got {boxes[outside][0].tolist()}"
            )
    return boxes


def box_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The area that two boxes share over the area that they cover together: (n, 4) and (m, 4) -> (n, m).

    Raises:
        ValueError: as `check_boxes`.
    """
    boxes, others = check_boxes("boxes", boxes), check_boxes("others", others)
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas, other_areas = (np.prod(b[:, 2:] - b[:, :2], axis=1) for b in (boxes, others))
    return shared / (areas[:, None] + other_areas - shared)


def non_maximum_suppression(
    boxes: np.ndarray, scores: np.ndarray, threshold: float = 0.5, most: int | None = None
) -> np.ndarray:
    """The indices of the boxes to keep, best first: each takes away the worse ones that cover it by more than
    the threshold.

    Args:
        boxes: (n, 4).
        scores: (n,).
        threshold: IoU in [0, 1].
        most: keep no more than so many.

    Raises:
        TypeError, ValueError: as `check_boxes`, another number of scores, or a threshold or number out of range.
    """
    check_number("threshold", threshold, at_most=1)
    if most is not None:
        check_integer("most", most, at_least=1)
    overlaps, scores = box_iou(boxes, boxes), _scores(scores, len(boxes))
    waiting, kept = np.argsort(-scores, kind="stable"), []
    while len(waiting) and (most is None or len(kept) < most):
        best, *rest = waiting
        kept.append(best)
        waiting = np.array([box for box in rest if overlaps[best, box] <= threshold], int)
    return np.array(kept, int)


def average_precision(
    detections: Sequence[tuple[np.ndarray, np.ndarray]], truths: Sequence[np.ndarray], threshold: float = 0.5
) -> float:
    """COCO's average precision of one class at one IoU: the mean of the best precision at or beyond the recalls
    0, 0.01, ..., 1 (Lin et al. 2014; `pycocotools`).

    From the best score down, a detection is right if it covers a true box of its image that no better one
    has taken by at least the threshold. The mean over classes is the mAP.

    Args:
        detections: for each image the found boxes (n, 4) and their scores (n,).
        truths: for each image the true boxes (m, 4).
        threshold: IoU in [0, 1].

    Raises:
        TypeError, ValueError: as `check_boxes`, different numbers of images or scores, or no true box at all.
    """
    check_number("threshold", threshold, at_most=1)
    if len(detections) != len(truths):
        raise ValueError(f"truths must be as many as detections, {len(detections)}; got {len(truths)}")
    positives = sum(map(len, truths))
    if not positives:
        raise ValueError("truths must hold at least one box; got none")
    scores, right = [], []
    for (boxes, its_scores), true_boxes in zip(detections, truths):
        boxes, true_boxes = check_boxes("detections", boxes), check_boxes("truths", true_boxes)
        overlaps, its_scores = box_iou(boxes, true_boxes), _scores(its_scores, len(boxes))
        for box in np.argsort(-its_scores, kind="stable"):
            best = overlaps[box].argmax() if len(true_boxes) else None
            hit = best is not None and overlaps[box, best] >= threshold
            if hit:
                overlaps[:, best] = -1  # taken
            scores.append(its_scores[box])
            right.append(hit)
    right = np.array(right, bool)[np.argsort(-np.array(scores), kind="stable")]
    found = np.cumsum(right)
    precision = found / np.arange(1, len(found) + 1)
    best_beyond = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(found / positives, RECALLS)
    return float(np.mean(np.append(best_beyond, 0)[places]))


def mean_iou(labels: np.ndarray, predictions: np.ndarray, classes: int) -> float:
    """The mean over the classes of (pixels that both call so) / (pixels that either calls so), over all images.
    A class that nobody names is left out.

    Args:
        labels, predictions: integers 0 ... classes - 1 of one shape, such as (n, height, width).

    Raises:
        TypeError, ValueError: masks of different shapes, values out of range, or classes below 2.
    """
    check_integer("classes", classes, at_least=2)
    labels, predictions = _masks(labels, predictions, classes)
    counts = np.bincount(classes * labels + predictions, minlength=classes**2).reshape(classes, classes)
    both, either = np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1) - np.diag(counts)
    return float(np.mean(both[either > 0] / either[either > 0]))


def dice(labels: np.ndarray, predictions: np.ndarray) -> float:
    """2 |A and B| / (|A| + |B|) of two masks of 0 and 1, 1 where both are empty (Dice 1945).

    Raises:
        TypeError, ValueError: as `mean_iou`.
    """
    labels, predictions = _masks(labels, predictions, 2)
    total = labels.sum() + predictions.sum()
    return float(2 * np.sum(labels & predictions) / total) if total else 1.0


def _scores(scores, n):
    scores = np.asarray(scores, "float64")
    if scores.shape != (n,) or not np.isfinite(scores).all():
        raise ValueError(f"scores must be {n} finite numbers, one a box; got {scores.shape}")
    return scores


def _masks(labels, predictions, classes):
    """Two masks as flat integers, or an error."""
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if not labels.size:
        raise ValueError(f"labels must hold at least one pixel; got the shape {labels.shape}")
    if labels.shape != predictions.shape:
        raise ValueError(f"predictions must have the shape of labels, {labels.shape}; got {predictions.shape}")
    for name, mask in (("labels", labels), ("predictions", predictions)):
        if mask.dtype.kind not in "bui":
            raise TypeError(f"{name} must be integers 0 ... {classes - 1}; got {mask.dtype}")
        if mask.min() < 0 or mask.max() >= classes:
            raise ValueError(f"{name} must be integers 0 ... {classes - 1}; got {mask.min()} ... {mask.max()}")
    return labels.ravel().astype(int), predictions.ravel().astype(int)

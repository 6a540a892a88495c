"""Anchors of a single-shot detector: where they stand, which box each has to find, and a box as seen from one.

Boxes and anchors are (x1, y1, x2, y2) in pixels, as in `coursekit.vision.boxes`; an anchor may leave the
image. W. Liu et al., "SSD: single shot multibox detector", ECCV 2016, section 2.
"""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from coursekit.checks import check_integer, check_number
from coursekit.vision.boxes import box_iou, check_boxes

__all__ = ["anchor_grid", "decode_boxes", "encode_boxes", "match_anchors"]


def anchor_grid(image_shape: tuple[int, int], stride: int, sizes: Sequence[tuple[float, float]]) -> np.ndarray:
    """The anchors of every cell, centred on it: row by row, in a row from left to right, in a cell by size.

    That is the order of a feature map (rows, columns, sizes * values) reshaped to (anchors, values).

    Args:
        image_shape: (height, width) in pixels, multiples of the stride.
        stride: the side of a cell in pixels.
        sizes: the (width, height) of each anchor of a cell, in pixels.

    Returns:
        (rows * columns * len(sizes), 4) float64.

    Raises:
        TypeError, ValueError: a stride that is no integer >= 1, an image that it does not divide, or sizes
            that are not one or more pairs of numbers > 0.
    """
    check_integer("stride", stride, at_least=1)
    lengths = tuple(image_shape)
    for length in lengths:
        check_integer("image_shape", length, at_least=1)
    if len(lengths) != 2 or any(length % stride for length in lengths):
        raise ValueError(f"image_shape must be (height, width), multiples of stride, {stride}; got {image_shape!r}")
    y, x = ((np.arange(length // stride) + 0.5) * stride for length in lengths)
    centres = np.stack(np.meshgrid(x, y), axis=-1)[:, :, None]  # (rows, columns, 1, 2)
    halves = _checked_sizes(sizes) / 2  # (sizes, 2)
    return np.concatenate([centres - halves, centres + halves], axis=-1).reshape(-1, 4)


def match_anchors(anchors: np.ndarray, boxes: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Which box each anchor has to find: the index of the one that it overlaps most, if by the threshold at
    least, else -1. Besides, every box gets the anchor that overlaps it most, the best pair first.

    Args:
        anchors: (n, 4).
        boxes: (m, 4); m may be 0, and is at most n.
        threshold: IoU in [0, 1].

    Returns:
        (n,) integers -1 ... m - 1.

    Raises:
        TypeError, ValueError: as `box_iou`, more boxes than anchors, or a threshold out of range.
    """
    check_number("threshold", threshold, at_most=1)
    overlaps = box_iou(check_boxes("anchors", anchors), check_boxes("boxes", boxes))
    n, m = overlaps.shape
    if m > n:
        raise ValueError(f"boxes must be at most as many as anchors, {n}; got {m}")
    owner = np.full(n, -1)
    if m:
        found = overlaps.max(axis=1) >= threshold
        owner[found] = overlaps[found].argmax(axis=1)
    for _ in range(m):
        anchor, box = np.unravel_index(overlaps.argmax(), overlaps.shape)
        owner[anchor] = box
        overlaps[anchor] = overlaps[:, box] = -1  # both are taken
    return owner


def encode_boxes(boxes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Boxes as seen from their anchors: (dx / w, dy / h, log(width / w), log(height / h)), where dx, dy lead from
    the anchor's centre to the box's and w, h are the anchor's sides (Girshick et al. 2014, appendix C).

    Args:
        boxes, anchors: (n, 4) each, one anchor a box.

    Returns:
        (n, 4) float64.

    Raises:
        ValueError: as `check_boxes`, or not as many anchors as boxes.
    """
    boxes, anchors = check_boxes("boxes", boxes), check_boxes("anchors", anchors)
    if len(boxes) != len(anchors):
        raise ValueError(f"anchors must be as many as boxes, {len(boxes)}; got {len(anchors)}")
    (centre, sides), (middle, size) = _as_centres(boxes), _as_centres(anchors)
    return np.hstack([(centre - middle) / size, np.log(sides / size)])


def decode_boxes(offsets: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """The boxes that `encode_boxes` saw so.

    Args:
        offsets: (n, 4), or (images, n, 4).
        anchors: (n, 4).

    Returns:
        The shape of offsets, float64.

    Raises:
        ValueError: as `check_boxes`, or offsets of another shape or not finite.
    """
    anchors, offsets = check_boxes("anchors", anchors), np.asarray(offsets, "float64")
    if offsets.ndim not in (2, 3) or offsets.shape[-2:] != anchors.shape or not np.isfinite(offsets).all():
        raise ValueError(
            f"offsets must be finite, of the shape ([images,] {len(anchors)}, 4) for these anchors; got {offsets.shape}"
        )
    middle, size = _as_centres(anchors)
    centre, halves = middle + offsets[..., :2] * size, size * np.exp(offsets[..., 2:]) / 2
    return np.concatenate([centre - halves, centre + halves], axis=-1)


def _as_centres(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres and sides, (n, 2) each."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]


def _checked_sizes(sizes: Any) -> np.ndarray:
    pairs = [tuple(pair) if isinstance(pair, (Sequence, np.ndarray)) else () for pair in sizes]
    good = all(len(pair) == 2 and all(isinstance(side, Real) and 0 < side < np.inf for side in pair) for pair in pairs)
    if not pairs or not good:
        raise ValueError(f"sizes must be pairs (width, height) of numbers > 0, at least one; got {sizes!r}")
    return np.array(pairs, "float64")

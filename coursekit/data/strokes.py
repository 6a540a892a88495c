"""Pen strokes: from control points to grey images, as `stroke_digits` and `stroke_characters` draw them.

A template is a list of strokes, each a list of (x, y) control points, y downwards, about 1 high. A smooth
curve goes through them; two points make a straight line. For each image the control points are jittered,
the drawing is squeezed, slanted and turned, and a soft round pen follows it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["POINTS", "SIDE", "Spline", "ink", "pen_paths", "place", "spline"]

POINTS = 72  # pen positions of a drawing, about one a pixel
SIDE = 28  # pixels
JITTER = 0.055  # of a control point, as a share of the drawing's height


class Spline(NamedTuple):
    """A template, ready to be drawn.

    Attributes:
        controls: (c, 2) float32, its control points, each once.
        matrix: (POINTS, c) float32; times the control points, it gives the pen's positions.
        stroke: (POINTS,), the number of the stroke to which each position belongs.
    """

    controls: np.ndarray
    matrix: np.ndarray
    stroke: np.ndarray


def spline(strokes: Sequence[Sequence[tuple[float, float]]]) -> Spline:
    """The curves through the control points of a template's strokes; where strokes share a point, they stay joined."""
    from scipy.interpolate import CubicSpline  # here, for it takes a while to import

    controls = sorted({point for stroke in strokes for point in stroke})
    lengths = [np.linalg.norm(np.diff(stroke, axis=0), axis=1) for stroke in strokes]
    shares = np.array([length.sum() for length in lengths])
    counts = np.maximum(2, np.round(POINTS * shares / shares.sum())).astype(int)
    counts[counts.argmax()] += POINTS - counts.sum()
    matrix = np.zeros((POINTS, len(controls)), "float32")
    start = 0
    for stroke, length, count in zip(strokes, lengths, counts):
        knots = np.concatenate([[0], np.cumsum(length)])
        basis = CubicSpline(knots, np.eye(len(stroke)), bc_type="natural")(np.linspace(0, knots[-1], count))
        for column, point in enumerate(stroke):
            matrix[start : start + count, controls.index(point)] += basis[:, column]
        start += count
    return Spline(np.array(controls, "float32"), matrix, np.repeat(np.arange(len(counts)), counts))


def pen_paths(template: Spline, size: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Jittered pen positions (size, POINTS, 2) in the drawing's own frame, and the ink each one leaves (size, POINTS)."""
    controls, matrix, stroke = template
    jittered = controls + generator.normal(0, JITTER, (size, *controls.shape)).astype("float32")
    points = matrix @ jittered
    for axis in (0, 1):  # a slow wave bends the whole drawing
        phase = generator.uniform(0, 2 * np.pi, (size, 1)).astype("float32")
        points[..., axis] += 0.04 * np.sin(4 * points[..., 1 - axis] + phase)
    gaps = np.linalg.norm(np.diff(points, axis=1), axis=2) * (np.diff(stroke) == 0)
    weights = (np.pad(gaps, ((0, 0), (0, 1))) + np.pad(gaps, ((0, 0), (1, 0)))) / 2
    return points, weights


def place(
    points: np.ndarray, weights: np.ndarray, factors: Mapping[str, np.ndarray], generator: np.random.Generator
) -> np.ndarray:
    """Squeeze, slant and turn drawings, fit them to the box, put their centres of mass in the middle.

    Args:
        points, weights: as `pen_paths` gives them; ``weights`` are changed in place, from lengths in the
            drawing's own frame to lengths in pixels.
        factors: rotation, slant and width, each (size,), in the units of `coursekit.data.stroke_digits`.

    Returns:
        Pen positions in pixels (size, POINTS, 2).
    """
    angle, zero = np.radians(factors["rotation"]), np.zeros(len(points), "float32")
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    squeeze = np.array([[factors["width"], -factors["slant"]], [zero, zero + 1]])
    transform = np.einsum("ijn,jkn->nki", turn, squeeze).astype("float32")
    before = np.linalg.norm(np.diff(points, axis=1), axis=2).sum(axis=1)
    points = points @ transform
    height = generator.uniform(17, 19, len(points)).astype("float32")
    points *= (height / np.ptp(points, axis=1).max(axis=1))[:, None, None]
    weights *= (np.linalg.norm(np.diff(points, axis=1), axis=2).sum(axis=1) / before)[:, None]
    centre = np.einsum("np,npi->ni", weights, points) / weights.sum(axis=1)[:, None]
    centre = np.clip(centre, points.max(axis=1) - 11, points.min(axis=1) + 11)  # keep the ink on the canvas
    return points + (SIDE - 1) / 2 - centre[:, None]


def ink(points: np.ndarray, weights: np.ndarray, thickness: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Images (size, SIDE, SIDE, 1) uint8 of a soft round pen: Gaussian stamps along the path, cut off at half their height.

    Across a long line the stamps add up to exp(-d²/2s²), which is 1/2 at d = 1.177 s: the line is
    2.355 s thick.
    """
    along = np.linspace(0, 2 * np.pi, POINTS, dtype="float32")
    phase = generator.uniform(0, 2 * np.pi, (len(points), 1)).astype("float32")
    pressure = 1 + 0.15 * np.sin(along + phase)
    s = thickness[:, None] / 2.355 * pressure
    pixels = np.arange(SIDE, dtype="float32")
    columns, rows = (np.exp(-((points[..., axis, None] - pixels) ** 2) / (2 * s[..., None] ** 2)) for axis in (0, 1))
    columns *= (weights / (s * np.sqrt(2 * np.pi)))[..., None]
    laid = np.swapaxes(rows, 1, 2) @ columns
    steepness = np.maximum(thickness / 2.355 / 0.7, 1)  # an edge about one pixel wide, paper left white
    soft = 0.5 + (laid - 0.5) * steepness[:, None, None]
    return np.round(255 * np.clip(soft, 0, 1))[..., None].astype("uint8")

"""stroke_digits: handwritten-looking digits drawn from jittered strokes, with their true factors.

A stand-in for MNIST where there is no internet connection: 28 x 28 grey images of ten classes. Each digit is
a few pen strokes whose control points are jittered; the drawing is then squeezed, slanted, turned
and inked. Because we drew it, we know how: four true factors come with every image.

    rotation   degrees, positive turns the digit clockwise on the screen, -20 ... 20
    slant      horizontal shift per unit of height, positive leans to the right, -0.4 ... 0.4
    width      horizontal stretch of the strokes, 0.7 ... 1.3
    thickness  of the pen's line in pixels, 1.6 ... 3.6
"""

from functools import cache

import numpy as np

from coursekit.checks import check_choice, check_integer
from coursekit.data import strokes

__all__ = ["FACTORS", "draw_digits"]

FACTORS = {"rotation": (-20.0, 20.0), "slant": (-0.4, 0.4), "width": (0.7, 1.3), "thickness": (1.6, 3.6)}
SPLITS = ("train", "test")
CHUNK = 500  # images drawn from one random stream: image i never depends on how many are asked for

# fmt: off
# Every way of writing each digit: strokes of (x, y) control points, y downwards, about 0.7 x 1 in size.
TEMPLATES: dict[int, list[list[list[tuple[float, float]]]]] = {
    0: [
        [[(0.38, 0), (0.12, 0.14), (0, 0.5), (0.1, 0.86), (0.35, 1), (0.6, 0.84), (0.7, 0.5), (0.6, 0.15), (0.36, 0.01)]],
        [[(0.5, 0.06), (0.24, 0.02), (0.04, 0.34), (0.06, 0.76), (0.32, 1), (0.6, 0.78), (0.66, 0.36), (0.5, 0.06), (0.36, 0.1)]],
    ],
    1: [
        [[(0.35, 0), (0.35, 0.5), (0.35, 1)]],
        [[(0.35, 0), (0.33, 0.35), (0.36, 0.7), (0.35, 1)]],
        [[(0.14, 0.24), (0.26, 0.14), (0.38, 0)], [(0.38, 0), (0.37, 0.5), (0.38, 1)]],
        [[(0.16, 0.2), (0.36, 0)], [(0.36, 0), (0.36, 0.5), (0.36, 1)], [(0.12, 1), (0.36, 1), (0.62, 1)]],
    ],
    2: [
        [[(0.06, 0.24), (0.18, 0.05), (0.4, 0), (0.62, 0.14), (0.58, 0.4), (0.36, 0.7), (0.04, 0.98)],
         [(0.04, 0.98), (0.36, 0.97), (0.7, 0.96)]],
        [[(0.06, 0.2), (0.28, 0), (0.56, 0.08), (0.6, 0.34), (0.38, 0.68), (0.14, 0.95), (0.02, 0.88), (0.14, 0.78),
          (0.36, 0.9), (0.54, 1), (0.72, 0.9)]],
        [[(0.04, 0.14), (0.3, 0), (0.56, 0.1), (0.54, 0.42), (0.3, 0.72), (0.08, 1)], [(0.08, 1), (0.64, 1)]],
    ],
    3: [
        [[(0.06, 0.12), (0.3, 0), (0.58, 0.1), (0.6, 0.3), (0.42, 0.44), (0.24, 0.47)],
         [(0.24, 0.47), (0.5, 0.52), (0.66, 0.7), (0.56, 0.92), (0.3, 1), (0.02, 0.88)]],
        [[(0.06, 0.02), (0.34, 0.03), (0.62, 0.02)], [(0.62, 0.02), (0.46, 0.2), (0.3, 0.4)],
         [(0.3, 0.4), (0.56, 0.48), (0.64, 0.72), (0.48, 0.96), (0.22, 1), (0.02, 0.9)]],
        [[(0.1, 0.06), (0.36, 0), (0.56, 0.14), (0.5, 0.34), (0.3, 0.46), (0.5, 0.54), (0.62, 0.76), (0.42, 0.98), (0.06, 0.94)]],
    ],
    4: [
        [[(0.12, 0.02), (0.06, 0.3), (0.04, 0.54)], [(0.04, 0.54), (0.34, 0.57), (0.68, 0.52)],
         [(0.52, 0.06), (0.5, 0.5), (0.48, 1)]],
        [[(0.52, 0), (0.24, 0.34), (0, 0.64)], [(0, 0.64), (0.36, 0.64), (0.72, 0.62)], [(0.52, 0), (0.51, 0.5), (0.5, 1)]],
        [[(0.1, 0), (0.04, 0.26), (0.14, 0.46), (0.36, 0.48), (0.58, 0.36)], [(0.62, 0), (0.58, 0.36), (0.54, 1)]],
    ],
    5: [
        [[(0.64, 0.01), (0.4, 0.03), (0.14, 0.02)], [(0.14, 0.02), (0.12, 0.22), (0.1, 0.44)],
         [(0.1, 0.44), (0.36, 0.37), (0.62, 0.5), (0.64, 0.76), (0.4, 0.98), (0.03, 0.92)]],
        [[(0.62, 0.03), (0.36, 0.02), (0.16, 0.1), (0.14, 0.36), (0.4, 0.44), (0.62, 0.62), (0.52, 0.9), (0.24, 1), (0.02, 0.9)]],
        [[(0.2, 0.04), (0.14, 0.42)], [(0.14, 0.42), (0.42, 0.4), (0.6, 0.62), (0.5, 0.9), (0.26, 1), (0.04, 0.9)],
         [(0.2, 0.04), (0.44, 0.05), (0.68, 0)]],
    ],
    6: [
        [[(0.54, 0), (0.24, 0.2), (0.04, 0.56), (0.1, 0.88), (0.34, 1), (0.6, 0.86), (0.58, 0.62), (0.34, 0.52), (0.08, 0.72)]],
        [[(0.34, 0), (0.14, 0.34), (0.06, 0.7), (0.22, 0.98), (0.5, 0.96), (0.6, 0.74), (0.44, 0.58), (0.22, 0.66), (0.12, 0.86)]],
    ],
    7: [
        [[(0.02, 0.04), (0.34, 0.03), (0.66, 0.02)], [(0.66, 0.02), (0.44, 0.45), (0.28, 1)]],
        [[(0.02, 0.06), (0.34, 0.03), (0.66, 0.02)], [(0.66, 0.02), (0.46, 0.45), (0.3, 1)], [(0.16, 0.5), (0.36, 0.5), (0.6, 0.47)]],
        [[(0.02, 0.2), (0.06, 0.04), (0.3, 0.05), (0.62, 0.03)], [(0.62, 0.03), (0.52, 0.3), (0.42, 0.62), (0.4, 1)]],
    ],
    8: [
        [[(0.58, 0.12), (0.36, 0), (0.12, 0.12), (0.16, 0.34), (0.38, 0.48), (0.62, 0.7), (0.54, 0.93), (0.3, 1),
          (0.06, 0.88), (0.1, 0.66), (0.34, 0.48), (0.56, 0.32), (0.58, 0.12)]],
        [[(0.36, 0.46), (0.12, 0.32), (0.16, 0.08), (0.38, 0), (0.58, 0.12), (0.56, 0.34), (0.36, 0.46)],
         [(0.36, 0.46), (0.08, 0.62), (0.06, 0.86), (0.34, 1), (0.62, 0.88), (0.62, 0.62), (0.36, 0.46)]],
        [[(0.62, 0.06), (0.4, 0), (0.14, 0.1), (0.18, 0.34), (0.42, 0.5), (0.56, 0.74), (0.42, 0.98), (0.16, 0.94),
          (0.12, 0.7), (0.36, 0.46), (0.64, 0.2)]],
    ],
    9: [
        [[(0.6, 0.16), (0.36, 0), (0.1, 0.14), (0.08, 0.4), (0.32, 0.52), (0.56, 0.38), (0.6, 0.16)],
         [(0.6, 0.16), (0.6, 0.55), (0.54, 1)]],
        [[(0.58, 0.12), (0.32, 0), (0.08, 0.18), (0.14, 0.44), (0.4, 0.48), (0.58, 0.12)],
         [(0.58, 0.12), (0.62, 0.5), (0.5, 0.86), (0.28, 1), (0.08, 0.9)]],
        [[(0.56, 0.06), (0.28, 0.02), (0.1, 0.22), (0.24, 0.44), (0.5, 0.34), (0.6, 0.04)], [(0.6, 0.04), (0.5, 0.5), (0.34, 1)]],
    ],
}
# fmt: on


def draw_digits(size: int, seed: int = 0, split: str = "train") -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Draw digits: the first ``size`` of an endless stream that the seed and the split determine.

    Args:
        size: number of images, >= 1.
        seed: 0 ... 2**32 - 1.
        split: "train" or "test", two streams without a common image.

    Returns:
        images (size, 28, 28, 1) uint8, 0 the paper and 255 the ink; labels (size,) int64; and the
        factors by name, each (size,) float32, in the units above.

    Raises:
        ValueError, TypeError: size or seed out of range or no integer, or an unknown split.
    """
    check_integer("size", size, at_least=1)
    check_integer("seed", seed, at_least=0, at_most=2**32 - 1)
    check_choice("split", split, SPLITS)
    chunks = [draw_chunk(seed, split, chunk) for chunk in range(-(-size // CHUNK))]
    images, labels, factors = zip(*chunks)
    return (
        np.concatenate(images)[:size],
        np.concatenate(labels)[:size],
        {name: np.concatenate([chunk[name] for chunk in factors])[:size] for name in FACTORS},
    )


def draw_chunk(seed: int, split: str, chunk: int) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Images ``chunk * CHUNK`` to ``(chunk + 1) * CHUNK - 1`` of the stream that `draw_digits` draws from."""
    generator = np.random.default_rng([seed, SPLITS.index(split), chunk])
    labels = generator.integers(0, 10, CHUNK)
    factors = {name: generator.uniform(*bounds, CHUNK).astype("float32") for name, bounds in FACTORS.items()}
    way = generator.random(CHUNK)
    points, weights = np.empty((CHUNK, strokes.POINTS, 2), "float32"), np.empty((CHUNK, strokes.POINTS), "float32")
    for digit, ways in TEMPLATES.items():
        for index in range(len(ways)):
            chosen = np.flatnonzero((labels == digit) & (np.floor(way * len(ways)) == index))
            points[chosen], weights[chosen] = strokes.pen_paths(_spline(digit, index), len(chosen), generator)
    points = strokes.place(points, weights, factors, generator)
    return strokes.ink(points, weights, factors["thickness"], generator), labels, factors


@cache
def _spline(digit, index):
    return strokes.spline(TEMPLATES[digit][index])

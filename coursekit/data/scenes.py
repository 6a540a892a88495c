"""Scenes with several digits, their boxes and their masks: digits in use pasted on coloured canvases."""

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from coursekit.checks import check_choice, check_integer
from coursekit.data.digits import load_digits
from coursekit.data.sources import SPLITS

__all__ = ["Scenes", "load_scenes"]

INK = 0.3  # a pixel of a digit with more than this belongs to it
DTYPES = ("float32", "uint8")
OVERLAP = 0.15  # of the smaller of two boxes, at most
TRIES = 30  # places tried for a digit before it is left out


class Scenes(NamedTuple):
    """Images and where their digits are.

    Attributes:
        images: (n, size, size, 3), float32 in [0, 1] or uint8 in 0 ... 255.
        boxes: for each image, (m, 4) float32: x1, y1, x2, y2 in pixels, tight around the ink of each digit
            (`coursekit.vision.box_iou` says how a box is counted); m may be 0.
        labels: for each image, (m,) int64, the digits 0 ... 9.
        masks: (n, size, size) uint8: 0 is canvas, 1 + label the ink of a digit.
    """

    images: np.ndarray
    boxes: list[np.ndarray]
    labels: list[np.ndarray]
    masks: np.ndarray


def load_scenes(
    split: str = "train",
    size: int = 1000,
    *,
    image_size: int = 64,
    most: int = 4,
    sides: tuple[int, int] = (16, 28),
    source: str | None = None,
    dtype: str = "float32",
    seed: int = 0,
) -> Scenes:
    """Coloured canvases with 0 to ``most`` bright digits each, drawn at random.

    Every digit comes from `load_digits` of the same split: no digit of a test scene is in a training
    scene. Two boxes share at most 15 % of the smaller one; a digit that finds no such place is left out.

    Args:
        split: "train" or "test".
        size: number of scenes.
        image_size: height and width in pixels.
        most: digits a scene.
        sides: the least and the greatest length of a digit's longer side, in pixels.
        source: of the digits, as in `load_digits`.
        dtype: of the images: "float32", in [0, 1], or "uint8", 0 ... 255, in a quarter of the memory.
        seed: the same seed gives the same scenes.

    Raises:
        TypeError, ValueError: an unknown split, source or dtype, a number that is no integer or out of range,
            or sides that do not fit into the image.
        DataError: the digits asked for cannot be had.
    """
    check_choice("split", split, SPLITS)
    check_choice("dtype", dtype, DTYPES)
    check_integer("size", size, at_least=1)
    check_integer("image_size", image_size, at_least=8)
    check_integer("most", most, at_least=1)
    check_integer("seed", seed, at_least=0)
    smallest, largest = _checked_sides(sides, image_size)
    digits, digit_labels = load_digits(split, source=source)
    generator = np.random.default_rng([seed, SPLITS.index(split)])
    images = np.zeros((size, image_size, image_size, 3), dtype)
    masks, boxes, labels = np.zeros(images.shape[:3], "uint8"), [], []
    for kept, mask in zip(images, masks):
        image = _canvas(generator, image_size).astype("float32")
        its_boxes, its_labels = np.zeros((0, 4), "float32"), []
        for _ in range(generator.integers(most + 1)):
            number = generator.integers(len(digits))
            ink = _resized(digits[number, ..., 0], generator.integers(smallest, largest + 1))
            box = _free_place(generator, ink.shape, image_size, its_boxes)
            if box is None:
                continue
            x1, y1, x2, y2 = box
            colour = generator.uniform(0.65, 1, 3).astype("float32")
            image[y1:y2, x1:x2] += ink[..., None] * (colour - image[y1:y2, x1:x2])
            mask[y1:y2, x1:x2][ink > INK] = 1 + digit_labels[number]
            its_boxes = np.vstack([its_boxes, np.array([box], "float32")])
            its_labels.append(digit_labels[number])
        kept[:] = np.rint(255 * image) if dtype == "uint8" else image
        boxes.append(its_boxes)
        labels.append(np.array(its_labels, "int64"))
    return Scenes(images, boxes, labels, masks)


def _checked_sides(sides: Any, image_size: int) -> tuple[int, int]:
    try:
        smallest, largest = sides
    except (TypeError, ValueError):
        smallest = largest = None
    if not (
        isinstance(smallest, Integral) and isinstance(largest, Integral) and 4 <= smallest <= largest <= image_size
    ):
        raise ValueError(
            f"sides must be two integers, 4 <= least <= greatest <= image_size, {image_size}; got {sides!r}"
        )
    return smallest, largest


def _canvas(generator: np.random.Generator, size: int) -> np.ndarray:
    """Two dark colours that fade into each other in a random direction, and noise."""
    y, x = np.mgrid[:size, :size] / (size - 1) - 0.5
    angle = generator.uniform(0, 2 * np.pi)
    fade = (0.5 + (np.cos(angle) * x + np.sin(angle) * y) / np.sqrt(2))[..., None]
    first, second = generator.uniform(0, 0.35, (2, 3))
    noise = generator.normal(0, 0.03, (size, size, 1))
    return np.clip(first + fade * (second - first) + noise, 0, 1)


def _resized(digit: np.ndarray, side: int) -> np.ndarray:
    """The ink of a digit with its longer side so many pixels long: interpolated linearly, cut tight again."""
    ink = _cut(digit)
    height, width = (max(2, round(side * length / max(ink.shape))) for length in ink.shape)
    return _cut(np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BILINEAR)))


def _cut(ink: np.ndarray) -> np.ndarray:
    """Without the rows and columns around it that hold no ink."""
    rows, columns = (np.flatnonzero((ink > INK).any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _free_place(
    generator: np.random.Generator, shape: tuple[int, int], image_size: int, boxes: np.ndarray
) -> tuple[int, int, int, int] | None:
    """A place in the image that shares little with the boxes there; None where none was found."""
    height, width = shape
    areas = np.minimum(height * width, np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    for _ in range(TRIES):
        x, y = (generator.integers(image_size - length + 1) for length in (width, height))
        low, high = np.maximum(boxes[:, :2], [x, y]), np.minimum(boxes[:, 2:], [x + width, y + height])
        if (np.prod(np.maximum(high - low, 0), axis=1) <= OVERLAP * areas).all():
            return x, y, x + width, y + height
    return None

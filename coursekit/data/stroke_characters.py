"""stroke_characters: invented alphabets, drawn from jittered strokes as `stroke_digits` are, with their true factors.

A stand-in for Omniglot where there is no internet connection: 28 x 28 grey images of as many characters as wanted. An
alphabet has a small stock of strokes, bent in its own way; a character is one to three of them, each begun
where an earlier one starts, bends or ends. Nobody has ever seen these characters, and that is the point.

    rotation   degrees, positive turns the character clockwise on the screen, -20 ... 20
    slant      horizontal shift per unit of height, positive leans to the right, -0.4 ... 0.4
    width      horizontal stretch of the strokes, 0.7 ... 1.3
    thickness  of the pen's line in pixels, 1.4 ... 2.4
"""

from functools import lru_cache

import numpy as np

from coursekit.checks import check_choice, check_integer
from coursekit.data import strokes

__all__ = ["FACTORS", "draw_characters"]

FACTORS = {"rotation": (-20.0, 20.0), "slant": (-0.4, 0.4), "width": (0.7, 1.3), "thickness": (1.4, 2.4)}
SPLITS = ("train", "test")
CHUNK = 20  # images of a character drawn from one random stream
OFF = 2.0  # pixels that a character may lie off the middle, to the side and up or down
STOCK = 6  # strokes that an alphabet uses
ALIKE = 0.7  # correlation of two clean drawings above which they count as the same character
TRIES = 30  # to find a character unlike the others of its alphabet; then the least like them is taken

# fmt: off
# What an alphabet may take its stock from: strokes of control points (x, y), y downwards.
STYLES: dict[str, list[list[list[tuple[float, float]]]]] = {
    "curved": [
        [[(0, 0), (0.02, 0.5), (0, 1)]],
        [[(0, 0), (0.35, 0.05), (0.7, 0)]],
        [[(0.6, 0.1), (0.2, 0.05), (0, 0.5), (0.2, 0.95), (0.6, 0.9)]],
        [[(0, 0), (0.05, 0.6), (0.3, 0.8), (0.55, 0.6), (0.6, 0)]],
        [[(0, 0), (0.3, 0.5), (0.7, 1)]],
        [[(0.3, 0), (0, 0.25), (0.3, 0.5), (0.6, 0.25), (0.3, 0)]],
        [[(0.5, 0.05), (0.1, 0.1), (0.1, 0.4), (0.45, 0.6), (0.45, 0.9), (0, 0.95)]],
        [[(0, 0), (0.1, 0.7), (0.3, 0.95), (0.5, 0.8)]],
        [[(0, 0.2), (0.2, 0), (0.4, 0.2), (0.6, 0.4), (0.8, 0.2)]],
        [[(0, 0.3), (0.25, 0), (0.5, 0.3), (0.5, 0.9)]],
        [[(0.3, 0.3), (0.45, 0.45), (0.2, 0.6), (0, 0.3), (0.3, 0), (0.65, 0.3), (0.6, 0.8)]],
        [[(0, 0), (0.5, 0.15), (0.1, 0.45), (0.55, 0.6), (0.1, 1)]],
    ],
    "angular": [
        [[(0, 0), (0, 1)]],
        [[(0, 0), (0, 0.6)]],
        [[(0, 0), (0.5, 0.4)]],
        [[(0, 0), (0.5, 0.8)]],
        [[(0, 0), (0.4, 0.25)], [(0.4, 0.25), (0, 0.5)]],
        [[(0, 0), (0.6, 0)]],
        [[(0, 0), (0.35, 0.45)], [(0.35, 0.45), (0.7, 0)]],
        [[(0, 0), (0.5, 0)], [(0.5, 0), (0.5, 0.6)]],
        [[(0, 0), (0.5, 0.3)], [(0.5, 0.3), (0, 0.6)], [(0, 0.6), (0.5, 0.9)]],
        [[(0.3, 0), (0, 0.3)], [(0, 0.3), (0.3, 0.6)], [(0.3, 0.6), (0.6, 0.3)], [(0.6, 0.3), (0.3, 0)]],
    ],
}
# fmt: on


def draw_characters(
    characters: int,
    examples: int = 20,
    *,
    alphabets: int = 1,
    seed: int = 0,
    split: str = "train",
    style: str = "curved",
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Draw examples of invented characters, one character after the other, alphabet after alphabet.

    An image depends on the seed, the split, the style, its alphabet and its place in it, never on how
    much is asked for.

    Args:
        characters: how many in all, >= 1, spread evenly over the alphabets.
        examples: images of each character, >= 1.
        alphabets: 1 ... characters.
        seed: 0 ... 2**32 - 1.
        split: "train" or "test", which have no alphabet in common.
        style: "curved" or "angular", as runes are.

    Returns:
        images (n, 28, 28, 1) uint8, n = characters * examples, 0 the paper and 255 the ink; labels (n,)
        int64, 0 ... characters - 1; the alphabet of each image (n,) int64; and the factors by name, each
        (n,) float32, in the units above.

    Raises:
        ValueError, TypeError: a number out of range or no integer, or an unknown split or style.
    """
    check_integer("characters", characters, at_least=1)
    check_integer("examples", examples, at_least=1)
    check_integer("alphabets", alphabets, at_least=1, at_most=int(characters))
    check_integer("seed", seed, at_least=0, at_most=2**32 - 1)
    check_choice("split", split, SPLITS)
    check_choice("style", style, STYLES)
    places = places_of(int(characters), int(alphabets))
    drawn = [draw_examples(int(seed), split, style, *place, int(examples)) for place in places]
    images, factors = zip(*drawn)
    return (
        np.concatenate(images),
        np.repeat(np.arange(characters), examples),
        np.repeat([alphabet for alphabet, _ in places], examples),
        {name: np.concatenate([values[name] for values in factors]) for name in FACTORS},
    )


def places_of(characters: int, alphabets: int) -> list[tuple[int, int]]:
    """(alphabet, place in it) of each character, the characters spread evenly."""
    parts = np.array_split(np.arange(characters), alphabets)
    return [(alphabet, place) for alphabet, part in enumerate(parts) for place in range(len(part))]


def draw_examples(
    seed: int, split: str, style: str, alphabet: int, place: int, examples: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Images of one character, and their factors."""
    stream = (seed, SPLITS.index(split), list(STYLES).index(style), alphabet)
    template = strokes.spline(_Alphabet.of(stream).character(place))
    chunks = [_draw(template, np.random.default_rng([*stream, 1, place, n])) for n in range(-(-examples // CHUNK))]
    images, factors = zip(*chunks)
    return (
        np.concatenate(images)[:examples],
        {name: np.concatenate([chunk[name] for chunk in factors])[:examples] for name in FACTORS},
    )


def _draw(template, generator):
    """CHUNK images of a template."""
    factors = {name: generator.uniform(*bounds, CHUNK).astype("float32") for name, bounds in FACTORS.items()}
    points, weights = strokes.pen_paths(template, CHUNK, generator)
    points = strokes.place(points, weights, factors, generator)
    points += generator.uniform(-OFF, OFF, (CHUNK, 1, 2)).astype("float32")
    return strokes.ink(points, weights, factors["thickness"], generator), factors


class _Alphabet:
    """The characters of one alphabet, invented one after the other, as many as are asked for."""

    def __init__(self, stream):
        self.generator = np.random.default_rng([*stream, 0])
        style = list(STYLES.values())[stream[2]]
        self.stock = [self._bent(style[n]) for n in self.generator.permutation(len(style))[:STOCK]]
        self.templates, self.drawings = [], []

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, stream):
        return cls(stream)

    def character(self, place):
        """The strokes of the character at this place."""
        while len(self.templates) <= place:
            found = []
            for _ in range(TRIES):
                template = self._invented()
                drawing = _clean(template)
                likeness = max((float(drawing @ other) for other in self.drawings), default=0.0)
                found.append((likeness, template, drawing))
                if likeness < ALIKE:
                    break
            _, template, drawing = min(found, key=lambda candidate: candidate[0])
            self.templates.append(template)
            self.drawings.append(drawing)
        return self.templates[place]

    def _bent(self, part):
        """A part of the style with its control points moved a little, as this alphabet writes it."""
        moved = {point: tuple(point + self.generator.normal(0, 0.08, 2)) for stroke in part for point in stroke}
        return [np.array([moved[point] for point in stroke]) for stroke in part]

    def _invented(self):
        """One to three parts of the stock, mirrored and scaled, each begun at a control point of an earlier one."""
        generator, template = self.generator, []
        for _ in range(generator.choice([1, 2, 3], p=[0.1, 0.5, 0.4])):
            part = self.stock[generator.integers(STOCK)]
            scale = generator.choice([0.6, 1.0], p=[0.4, 0.6]) * generator.choice([-1, 1], 2)
            points = [point for stroke in template for point in stroke] or [(0.0, 0.0)]
            start = np.array(points[generator.integers(len(points))]) - scale * part[0][0]
            template += [[tuple(map(float, start + scale * point)) for point in stroke] for stroke in part]
        low, high = (f([point for stroke in template for point in stroke], axis=0) for f in (np.min, np.max))
        height = max(high - low)
        return [[tuple(map(float, (point - low) / height)) for point in stroke] for stroke in template]


def _clean(template):
    """The drawing without jitter and factors, blurred by a broad pen, its pixels of mean 0 and length 1."""
    controls, matrix, stroke = strokes.spline(template)
    points = (matrix @ controls)[None]
    gaps = np.linalg.norm(np.diff(points, axis=1), axis=2) * (np.diff(stroke) == 0)
    weights = np.pad(gaps, ((0, 0), (0, 1)))
    still = {"rotation": np.zeros(1), "slant": np.zeros(1), "width": np.ones(1)}
    generator = np.random.default_rng(0)
    points = strokes.place(points, weights, still, generator)
    pixels = strokes.ink(points, weights, np.full(1, 4.0, "float32"), generator).astype(float).ravel()
    pixels -= pixels.mean()
    return pixels / np.linalg.norm(pixels)

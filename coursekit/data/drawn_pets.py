"""drawn_pets: two cats and a dog that coursekit draws over photographs, with their true heads and outlines.

A stand-in for the photographs of Oxford-IIIT Pet where they cannot be had. The background is a random
crop of one of the two photographs that scikit-learn ships. The animal is put together from ellipses and
limbs, each a signed distance: its sign says inside or outside, its size gives smooth edges and round
shading. Colours, pose, size, place and light are random and tell nothing of the breed. What does: the
spots of one of the two cats, and the ears, muzzle and build of the dog.
"""

import colorsys
from functools import cache

import numpy as np

from coursekit.checks import check_choice, check_integer

__all__ = ["BREEDS", "SIDE", "draw_pets"]

BREEDS = ("plain cat", "stocky dog", "spotted cat")
SPLITS = ("train", "test")
SIDE = 160  # pixels
SHARES = (0.15, 0.65)  # of the picture that an animal may cover
HEADS = (18.0, 46.0)  # radius of a head in pixels
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype("float32") + 0.5


def draw_pets(size: int, seed: int = 0, split: str = "train") -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw pictures: the first ``size`` of an endless stream that the seed and the split determine.

    Args:
        size: number of pictures, >= 1; every three in a row hold the three breeds.
        seed: 0 ... 2**32 - 1.
        split: "train" or "test", two streams without a common picture.

    Returns:
        images (size, 160, 160, 3) uint8; labels (size,) int64, 0 ... 2 for `BREEDS`; boxes (size, 4) float32,
        what is seen of the head: x1, y1, x2, y2 in pixels; masks (size, 160, 160) uint8, 1 the animal.

    Raises:
        ValueError, TypeError: size or seed out of range or no integer, or an unknown split.
    """
    check_integer("size", size, at_least=1)
    check_integer("seed", seed, at_least=0, at_most=2**32 - 1)
    check_choice("split", split, SPLITS)
    images, labels, boxes, masks = zip(*(draw_pet(seed, split, index) for index in range(size)))
    return np.stack(images), np.array(labels), np.stack(boxes), np.stack(masks)


def draw_pet(seed: int, split: str, index: int) -> tuple[np.ndarray, int, np.ndarray, np.ndarray]:
    """Picture ``index`` of the stream that `draw_pets` draws from; it never depends on how many are asked for."""
    stream = [seed, SPLITS.index(split)]
    label = int(np.random.default_rng([*stream, index // 3]).permutation(3)[index % 3])
    generator = np.random.default_rng([*stream, index, 1])
    while True:
        image, head, mask = _draw(label, generator)
        if SHARES[0] <= mask.mean() <= SHARES[1]:
            rows, columns = np.flatnonzero(head.any(axis=1)), np.flatnonzero(head.any(axis=0))
            box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], "float32")
            return image, label, box, mask.astype("uint8")


class _Frame:
    """Coordinates of an animal or of its head, y downwards, in which its shapes are given.

    A shape is the window of the picture in which it lies, two slices, and there its signed distance in pixels.
    """

    def __init__(self, centre, unit, angle, flip=1):
        self.centre, self.unit, self.flip = [float(value) for value in centre], float(unit), int(flip)
        self.cos, self.sin = float(np.cos(angle)), float(np.sin(angle))

    def near(self, points, reach):
        """The window within reach of the points, and this frame's coordinates of its pixels."""
        a, b = self.flip * points[:, 0], points[:, 1]
        middle = self.centre + self.unit * np.stack([self.cos * a - self.sin * b, self.sin * a + self.cos * b], axis=1)
        low = np.clip(np.floor(middle.min(axis=0) - self.unit * reach - 2), 0, SIDE).astype(int)
        high = np.clip(np.ceil(middle.max(axis=0) + self.unit * reach + 2), 0, SIDE).astype(int)
        window = slice(low[1], high[1]), slice(low[0], high[0])
        x, y = (COLUMNS[window] - self.centre[0]) / self.unit, (ROWS[window] - self.centre[1]) / self.unit
        return window, self.flip * (self.cos * x + self.sin * y), self.cos * y - self.sin * x

    def ellipse(self, x, y, width, height):
        """Its radii are width and height."""
        x, y, width, height = map(float, (x, y, width, height))  # numbers of NumPy would turn all into float64
        window, u, v = self.near(np.array([[x, y]]), max(width, height))
        u, v = (u - x) / width, (v - y) / height
        radius = np.hypot(u, v)
        return window, self.unit * radius * (radius - 1) / np.maximum(np.hypot(u / width, v / height), 1e-6)

    def limb(self, *joints):
        """A chain of joints (x, y, radius)."""
        joints = np.array(joints, "float32")
        window, x, y = self.near(joints[:, :2], joints[:, 2].max())
        distance = np.full_like(x, SIDE)
        for (x1, y1, r1), (x2, y2, r2) in zip(joints, joints[1:]):
            dx, dy = x2 - x1, y2 - y1
            along = np.clip(((x - x1) * dx + (y - y1) * dy) / (dx**2 + dy**2), 0, 1)
            distance = np.minimum(distance, np.hypot(x - x1 - along * dx, y - y1 - along * dy) - r1 - along * (r2 - r1))
        return window, self.unit * distance


class _Canvas:
    """A picture that is painted over, the light that falls on it, and where the animal and its head are so far."""

    def __init__(self, background, light):
        self.image, self.light = background, light
        self.animal, self.head = (np.zeros((SIDE, SIDE), bool) for _ in range(2))

    def paint(self, shape, colour, roundness=0.0, strength=1.0):
        """Paint a shape as if it rose ``roundness`` pixels towards the viewer."""
        window, distance = shape
        colour = colour[window] if np.ndim(colour) == 3 else np.asarray(colour)
        if roundness and min(distance.shape) > 1:
            depth = np.clip(1 + distance / roundness, 0, 1)
            slopes = np.gradient(roundness * np.sqrt(1 - 0.98 * depth**2))
            facing = 1 - slopes[1] * self.light[0] - slopes[0] * self.light[1]
            colour = colour * np.clip(0.25 + 0.75 * facing / np.hypot(1, np.hypot(*slopes)), 0.2, 1.4)[..., None]
        self.image[window] += strength * np.clip(0.5 - distance, 0, 1)[..., None] * (colour - self.image[window])

    def part(self, shape, coat, roundness, head=False):
        """Paint a part of the animal."""
        window, distance = shape
        self.paint(shape, coat, roundness)
        self.animal[window] |= distance < 0
        if head:
            self.head[window] |= distance < 0


def _draw(label, generator):
    """A picture (SIDE, SIDE, 3) uint8, and where its head and its animal are."""
    uniform, dog = generator.uniform, label == 1
    head_radius = np.exp(uniform(*np.log(HEADS)))
    centre = uniform(0.6 * head_radius, SIDE - 0.6 * head_radius), uniform(0.6 * head_radius, 0.7 * SIDE)
    flip, unit = generator.choice([-1, 1]), head_radius / (0.34 if dog else 0.3) / uniform(0.9, 1.1)
    body = _Frame(centre, unit, uniform(-0.25, 0.25), flip)
    head = _Frame(centre, head_radius, uniform(-0.4, 0.4))
    canvas = _Canvas(_background(generator), uniform(-0.7, 0.7, 2) - [0, 0.3])
    coat = _coat(label, body, generator)
    _body(canvas, body, coat, dog, generator)
    (_dog_head if dog else _cat_head)(canvas, head, coat, generator)
    slope = uniform(-0.25, 0.25, 2)
    lit = 1 + slope[0] * (COLUMNS / SIDE - 0.5) + slope[1] * (ROWS / SIDE - 0.5)
    image = canvas.image * lit[..., None] * uniform(0.7, 1.15) * uniform(0.92, 1.08, 3)
    image += uniform(0.005, 0.02) * generator.standard_normal(image.shape, "float32")
    return np.round(255 * np.clip(image, 0, 1)).astype("uint8"), canvas.head, canvas.animal


def _noise(generator, cells):
    """Smooth noise (SIDE, SIDE), about -1 ... 1, with so many hills and valleys a side."""
    from PIL import Image

    grid = Image.fromarray(generator.uniform(-1, 1, (cells, cells)).astype("float32"))
    return np.asarray(grid.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


@cache
def _photographs():
    from PIL import Image
    from sklearn.datasets import load_sample_images

    return [Image.fromarray(image) for image in load_sample_images().images]


def _background(generator):
    """A crop of a photograph, mirrored, blurred, brighter or darker at random."""
    from PIL import Image

    photograph = _photographs()[generator.integers(2)]
    side = generator.uniform(120, 420)
    left, top = generator.uniform(0, np.subtract(photograph.size, side))
    small = int(SIDE * generator.uniform(0.25, 1))  # enlarged again, it is out of focus
    crop = photograph.resize((small, small), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
    crop = np.asarray(crop.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) / 255
    crop = crop[:, :: generator.choice([-1, 1])]
    return np.clip(0.5 + generator.uniform(0.5, 1.1) * (crop - 0.5) + generator.uniform(-0.2, 0.25), 0, 1)


def _coat(label, body, generator):
    """The colour of the fur everywhere (SIDE, SIDE, 3): spotted, or plain or in patches, whatever the animal."""
    uniform = generator.uniform
    kind = "spotted" if label == 2 else generator.choice(["plain", "patched"])
    light = np.array(colorsys.hsv_to_rgb(uniform(0.02, 0.12), uniform(0.05, 0.65), uniform(0.55, 1)), "float32")
    if kind == "patched":
        pattern = _noise(generator, generator.integers(3, 9))
    else:
        _, x, y = body.near(np.zeros((1, 2)), np.inf)
        waves = uniform(22, 42)
        pattern = sum(np.cos(waves * axis + 1.2 * _noise(generator, 7)) for axis in (x, y))
    least = np.quantile(pattern, uniform(0.55, 0.75))
    marked = np.clip(0.5 + 2.5 * (pattern - least), 0, 1)[..., None] * (kind != "plain")
    fur = 1 + uniform(0.05, 0.15) * (_noise(generator, 80) + _noise(generator, 25))
    return light * (1 - marked * (1 - uniform(0.1, 0.35))) * fur[..., None]


def _body(canvas, at, coat, dog, generator):
    """Tail, legs and trunk, sitting, standing or lying; the head will be at the frame's origin."""
    uniform, big = generator.uniform, (1.35 if dog else 0.95) * generator.uniform(0.9, 1.1)
    pose = generator.choice(["sitting", "standing", "lying"])
    leg, edge = 0.085 * big, 0.18 * at.unit
    if pose == "sitting":
        x, trunk, hip = uniform(-0.1, 0.25), (0.36 * big, 0.52), (0.35, 0.85)
        parts = [at.ellipse(x, 0.55, *trunk)]
        parts += [at.ellipse(x + side * 0.27 * big, 0.88, 0.2 * big, 0.2) for side in (-1, 1)]
        near = [
            at.limb((x + side * 0.14 * big, 0.45, 1.2 * leg), (x + side * 0.15 * big, 1.05, leg)) for side in (-1, 1)
        ]
    else:
        length, drop = uniform(0.5, 0.7), (0.95 if pose == "standing" else 0.62)
        hip = (2 * length - 0.1, 0.35)
        far = [
            at.limb((x, 0.4, 1.3 * leg), (x + uniform(-0.15, 0.15), drop - 0.06, leg)) for x in (0.2, 2 * length - 0.2)
        ]
        for shape in far:
            canvas.part(shape, 0.7 * coat, 0.08 * at.unit)
        parts = [at.ellipse(length, 0.35, length + 0.1, 0.27 * big), at.limb((0, 0, 0.2 * big), (0.3, 0.3, 0.26 * big))]
        near = [at.limb((x, 0.4, 1.5 * leg), (x + uniform(-0.2, 0.2), drop, leg)) for x in (0.1, 2 * length - 0.1)]
        if pose == "lying":
            near = [
                at.limb((0.15, 0.5, 1.2 * leg), (uniform(-0.5, -0.2), drop, leg)),
                at.ellipse(2 * length - 0.2, 0.45, 0.3, 0.24),
            ]
    bend, long = uniform(-0.5, 0.5, 2), (0.5 if dog else 1.0)
    tail = [
        hip,
        (hip[0] + 0.35 * long, hip[1] + bend[0] * long),
        (hip[0] + long * uniform(0.2, 0.6), hip[1] + bend.sum() * long),
    ]
    canvas.part(at.limb(*((x, y, 0.055 * big) for x, y in tail)), coat, 0.06 * at.unit)
    for shape in parts:
        canvas.part(shape, coat, edge)
    for shape in near:
        canvas.part(shape, coat, 0.1 * at.unit)


def _eyes(canvas, at, turn, apart, height, size, iris, slit):
    for side in (-1, 1):
        x = side * apart + turn
        canvas.paint(at.ellipse(x, height, size * 1.15, size), [0.08, 0.06, 0.05])
        canvas.paint(at.ellipse(x, height, size * 0.95, size * 0.8), iris)
        canvas.paint(at.ellipse(x, height, size * slit, size * 0.75), [0.02, 0.02, 0.02])
        canvas.paint(at.ellipse(x - 0.25 * size, height - 0.3 * size, size * 0.22, size * 0.22), [1, 1, 1])


def _iris(generator):
    return colorsys.hsv_to_rgb(generator.uniform(0.05, 0.4), generator.uniform(0.3, 0.8), generator.uniform(0.3, 0.9))


def _nose(generator):
    return generator.uniform(0.05, 0.7) * np.array([1, 0.65, 0.6], "float32")


def _cat_head(canvas, at, coat, generator):
    """A round head with pointed ears."""
    uniform = generator.uniform
    turn, ear, spread = uniform(-0.22, 0.22), uniform(0.75, 1.1), uniform(0.5, 0.62)
    for side in (-1, 1):
        base, tip = (side * spread, -0.55), (side * (spread + uniform(0.1, 0.3)), -0.6 - ear)
        canvas.part(at.limb((*base, 0.38), (*tip, 0.04)), coat, 0.3 * at.unit, head=True)
        canvas.paint(at.limb((*base, 0.24), (0.9 * tip[0], 0.85 * tip[1], 0.02)), 0.6 * coat)
    canvas.part(at.ellipse(0, 0, 1, uniform(0.82, 0.95)), coat, 0.9 * at.unit, head=True)
    pale = 0.5 + 0.5 * coat
    for side in (-1, 1):
        canvas.paint(at.ellipse(turn * 1.3 + side * 0.17, 0.45, 0.25, 0.2), pale, 0.2 * at.unit, 0.7)
    _eyes(canvas, at, turn, uniform(0.36, 0.44), -0.08, uniform(0.13, 0.18), _iris(generator), uniform(0.3, 0.7))
    nose = _nose(generator)
    canvas.paint(at.limb((1.3 * turn - 0.07, 0.27, 0.05), (1.3 * turn + 0.07, 0.27, 0.05)), nose)
    canvas.paint(at.limb((1.3 * turn, 0.3, 0.05), (1.3 * turn, 0.48, 0.02)), 0.6 * nose)


def _dog_head(canvas, at, coat, generator):
    """A square head with hanging ears, a broad muzzle and a large dark nose."""
    uniform = generator.uniform
    turn, wide, hang = uniform(-0.2, 0.2), uniform(0.85, 0.98), uniform(0.8, 1.2)
    canvas.part(at.ellipse(0, -0.12, wide, 0.88), coat, 0.9 * at.unit, head=True)
    canvas.part(at.ellipse(turn, 0.45, 0.82 * wide, 0.62), coat, 0.5 * at.unit, head=True)
    for side in (-1, 1):
        joints = (
            (side * 0.62 * wide, -0.68, 0.16),
            (side * (wide + 0.12), -0.4, 0.24),
            (side * (wide + 0.1), hang - 0.5, 0.2),
        )
        canvas.part(at.limb(*joints), uniform(0.5, 0.9) * coat, 0.25 * at.unit, head=True)
    pale = 0.5 * coat + 0.5 * uniform(0.2, 1)
    for side in (-1, 1):
        canvas.paint(at.ellipse(1.5 * turn + side * 0.26, 0.52, 0.36, 0.36), pale, 0.35 * at.unit, 0.8)
    _eyes(canvas, at, turn, uniform(0.38, 0.46), -0.2, uniform(0.13, 0.18), _iris(generator), 0.6)
    canvas.paint(at.ellipse(1.6 * turn, 0.27, 0.25, 0.17), _nose(generator), 0.2 * at.unit)
    canvas.paint(at.limb((1.6 * turn, 0.4, 0.03), (1.6 * turn, 0.72, 0.03)), [0.1, 0.07, 0.07])
    for side in (-1, 1):
        canvas.paint(at.limb((1.6 * turn, 0.72, 0.03), (1.4 * turn + side * 0.4, 0.86, 0.03)), [0.1, 0.07, 0.07])

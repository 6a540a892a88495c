"""The course's own data sets as TensorFlow Datasets builders. Import it late: it imports TFDS."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from coursekit.data import stroke_characters
from coursekit.data.drawn_pets import BREEDS, SIDE, draw_pet
from coursekit.data.stroke_digits import CHUNK, FACTORS, draw_chunk

__all__ = [
    "DrawnPets",
    "DrawnPetsConfig",
    "StrokeCharacters",
    "StrokeCharactersConfig",
    "StrokeDigits",
    "StrokeDigitsConfig",
]

EXAMPLES = 20  # images of each of the stroke_characters, as Omniglot has


@dataclasses.dataclass
class _Sizes(tfds.core.BuilderConfig):
    """How much to draw, and from which stream.

    Attributes:
        train_size, test_size: images of each split, or characters.
        seed: of the two streams, as in `draw_digits`, `draw_characters` and `draw_pets`.
    """

    name: str = ""
    train_size: int = 0
    test_size: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        self.name = f"train{self.train_size}_test{self.test_size}_seed{self.seed}"


@dataclasses.dataclass
class StrokeDigitsConfig(_Sizes):
    """How many digits to draw, and from which stream."""

    train_size: int = 20_000
    test_size: int = 4_000


@dataclasses.dataclass
class StrokeCharactersConfig(_Sizes):
    """How many characters to draw, in how many alphabets, and from which stream."""

    train_size: int = 136
    test_size: int = 106
    train_alphabets: int = 5
    test_alphabets: int = 3

    def __post_init__(self) -> None:
        train, test = f"{self.train_size}of{self.train_alphabets}", f"{self.test_size}of{self.test_alphabets}"
        self.name = f"train{train}_test{test}_seed{self.seed}"


@dataclasses.dataclass
class DrawnPetsConfig(_Sizes):
    """How many pictures to draw, and from which stream."""

    train_size: int = 300
    test_size: int = 298


class _Drawn(tfds.core.GeneratorBasedBuilder):
    """A set that coursekit draws: its configuration holds the sizes of the splits."""

    VERSION = tfds.core.Version("1.0.0")
    default: type[_Sizes]

    def __init__(self, *, config: _Sizes | None = None, **options: Any):
        super().__init__(config=config or self.default(), **options)

    def _split_generators(self, dl_manager):
        sizes = {"train": self.builder_config.train_size, "test": self.builder_config.test_size}
        return {split: self._generate_examples(split, size) for split, size in sizes.items()}


class StrokeDigits(_Drawn):
    """MNIST-shaped digits drawn by coursekit, each with its true factors (`stroke_digits`)."""

    name = "stroke_digits"
    default = StrokeDigitsConfig

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description="Digits drawn from jittered strokes, with rotation, slant, width and thickness.",
            features=tfds.features.FeaturesDict(
                {"image": tfds.features.Image(shape=(28, 28, 1)), "label": tfds.features.ClassLabel(num_classes=10)}
                | {name: tfds.features.Scalar(np.float32) for name in FACTORS}
            ),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
        )

    def _generate_examples(self, split, size):
        for start in range(0, size, CHUNK):  # never more than one chunk in memory
            images, labels, factors = draw_chunk(self.builder_config.seed, split, start // CHUNK)
            for i in range(min(CHUNK, size - start)):
                values = {name: factor[i] for name, factor in factors.items()}
                yield start + i, {"image": images[i], "label": labels[i]} | values


class StrokeCharacters(_Drawn):
    """Invented characters drawn by coursekit, each image with its true factors (`stroke_characters`)."""

    name = "stroke_characters"
    default = StrokeCharactersConfig

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description="Characters of invented alphabets, with rotation, slant, width and thickness.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(28, 28, 1)),
                    "label": tfds.features.Scalar(np.int64),
                    "alphabet": tfds.features.Scalar(np.int64),
                }
                | {name: tfds.features.Scalar(np.float32) for name in stroke_characters.FACTORS}
            ),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
        )

    def _generate_examples(self, split, size):
        config = self.builder_config
        alphabets = {"train": config.train_alphabets, "test": config.test_alphabets}[split]
        for label, place in enumerate(stroke_characters.places_of(size, alphabets)):  # one character in memory
            images, factors = stroke_characters.draw_examples(config.seed, split, "curved", *place, EXAMPLES)
            for i, image in enumerate(images):
                values = {name: factor[i] for name, factor in factors.items()}
                yield label * EXAMPLES + i, {"image": image, "label": label, "alphabet": place[0]} | values


class DrawnPets(_Drawn):
    """Pictures of cats and dogs drawn by coursekit (`drawn_pets`), with the features of TFDS' oxford_iiit_pet."""

    name = "drawn_pets"
    default = DrawnPetsConfig

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description="Two cats and a dog drawn over photographs, with the box of the head and the mask.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(SIDE, SIDE, 3), encoding_format="jpeg"),
                    "label": tfds.features.ClassLabel(names=BREEDS),
                    "segmentation_mask": tfds.features.Image(shape=(SIDE, SIDE, 1)),  # 1 animal, 2 background
                    "head_bbox": tfds.features.BBoxFeature(),
                }
            ),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
        )

    def _generate_examples(self, split, size):
        for index in range(size):
            image, label, box, mask = draw_pet(self.builder_config.seed, split, index)
            x1, y1, x2, y2 = (float(value) / SIDE for value in box)
            yield (
                index,
                {
                    "image": image,
                    "label": label,
                    "segmentation_mask": (2 - mask)[..., None],
                    "head_bbox": tfds.features.BBox(ymin=y1, xmin=x1, ymax=y2, xmax=x2),
                },
            )

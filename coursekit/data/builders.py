"""The course's own data sets as TensorFlow Datasets builders. Import it late: it imports TFDS."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from coursekit.data.stroke_digits import CHUNK, FACTORS, draw_chunk

__all__ = ["StrokeDigits", "StrokeDigitsConfig"]


@dataclasses.dataclass
class StrokeDigitsConfig(tfds.core.BuilderConfig):
    """How many digits to draw, and from which stream.

    Attributes:
        train_size, test_size: images of each split.
        seed: of the two streams, as in `draw_digits`.
    """

    name: str = ""
    train_size: int = 20_000
    test_size: int = 4_000
    seed: int = 0

    def __post_init__(self) -> None:
        self.name = f"train{self.train_size}_test{self.test_size}_seed{self.seed}"


class StrokeDigits(tfds.core.GeneratorBasedBuilder):
    """MNIST-shaped digits drawn by coursekit, each with its true factors (`stroke_digits`)."""

    name = "stroke_digits"
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, config: StrokeDigitsConfig | None = None, **options: Any):
        super().__init__(config=config or StrokeDigitsConfig(), **options)

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

    def _split_generators(self, dl_manager):
        sizes = {"train": self.builder_config.train_size, "test": self.builder_config.test_size}
        return {split: self._generate_examples(split, size) for split, size in sizes.items()}

    def _generate_examples(self, split, size):
        for start in range(0, size, CHUNK):  # never more than one chunk in memory
            images, labels, factors = draw_chunk(self.builder_config.seed, split, start // CHUNK)
            for i in range(min(CHUNK, size - start)):
                values = {name: factor[i] for name, factor in factors.items()}
                yield start + i, {"image": images[i], "label": labels[i]} | values

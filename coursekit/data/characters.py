"""Characters of many alphabets: real Omniglot where it can be had, invented ones that coursekit draws where it cannot.

Both come through TensorFlow Datasets (TFDS), with the same shapes, types and sizes. Which one is in use,
and why, is printed at every load; nothing falls back in silence and nothing is deleted.

B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum, "Human-level concept learning through probabilistic program
induction", Science 2015: 1,623 characters of 50 alphabets, each drawn once by 20 people.
"""

from typing import NamedTuple

import numpy as np

from coursekit.checks import check_choice, check_integer
from coursekit.data import sources
from coursekit.data.sources import Source
from coursekit.environment import profile, say

__all__ = ["Characters", "characters_source", "load_characters"]

SPLITS = {
    "quick": {"train": "small1", "test": "small2"},  # of Omniglot in TFDS
    "full": {"train": "train", "test": "test"},
}
DRAWN = {  # as many characters and alphabets as Omniglot has
    "quick": {"train_size": 136, "train_alphabets": 5, "test_size": 106, "test_alphabets": 3},
    "full": {"train_size": 964, "train_alphabets": 30, "test_size": 659, "test_alphabets": 20},
}


class Characters(NamedTuple):
    """Images of characters, sorted: first all of character 0, then all of character 1, and so on.

    Attributes:
        images: (n, s, s, 1) float32 in [0, 1], 1 the ink.
        labels: (n,) int64, the character: 0, 1, 2, ..., 20 images each.
        alphabets: (n,) int64, the alphabet: 0 ... len(names) - 1.
        names: the names of the alphabets.
    """

    images: np.ndarray
    labels: np.ndarray
    alphabets: np.ndarray
    names: tuple[str, ...]


def load_characters(split: str = "train", *, image_size: int = 28, source: str | None = None) -> Characters:
    """Characters as arrays (slide "Siamese Network - OneShotLearning"); the splits have no alphabet in common.

    In the quick profile 136 characters of 5 alphabets to train with and 106 of 3 to test with: Omniglot's
    "small1", and of its "small2" the alphabets that "small1" lacks (both hold the same Greek and Latin). In
    the full one Omniglot's 964 of 30 and 659 of 20. stroke_characters has as many.

    Args:
        split: "train" or "test".
        image_size: s, 8 ... 105, the side of the images in pixels; shrinking is antialiased.
        source: "omniglot", "stroke_characters" or "auto"; by default what COURSEKIT_CHARACTERS says, else
            "auto": Omniglot if it is prepared or can be downloaded (18 MB), else stroke_characters.

    Raises:
        ValueError, TypeError: an unknown split or source, or image_size out of its range.
        DataError: the data set asked for is broken or cannot be had.
    """
    check_choice("split", split, sources.SPLITS)
    check_integer("image_size", image_size, at_least=8, at_most=105)
    real = _omniglot()
    found, builder = sources.open_chosen(real, characters_source(source), source, _address, _prepared_stroke_characters)
    drawn = found.name == real.stand_in
    with sources.readable(builder):
        images, labels, alphabets = _read(builder, split if drawn else SPLITS[profile()][split], image_size)
        if not drawn and split == "test":
            new = ~np.isin(alphabets, _read(builder, SPLITS[profile()]["train"], None)[1])
            images, labels, alphabets = images[new], labels[new], alphabets[new]
    order = np.argsort(labels, kind="stable")
    (kinds, labels), (used, alphabets) = (np.unique(x[order], return_inverse=True) for x in (labels, alphabets))
    if drawn:
        names = [f"invented {number + 1}" for number in used]
    else:
        names = [builder.info.features["alphabet"].names[number].replace("_", " ") for number in used]
    say(f"characters: {found.name} ({found.reason}) · {split} {len(kinds):,} of {len(names)} alphabets")
    return Characters(images[order], labels, alphabets, tuple(names))


def characters_source(source: str | None = None) -> Source:
    """Which characters `load_characters` would use now, without loading them.

    Raises:
        ValueError: an unknown source.
        DataError: "omniglot" was asked for and its folder is broken, or there is no internet connection.
    """
    return sources.choose(_omniglot(), source, _address)


def _omniglot():
    splits = tuple(SPLITS[profile()].values())
    return sources.RealSet("Omniglot", "omniglot", "omniglot", "stroke_characters", "COURSEKIT_CHARACTERS", splits)


def _address():
    """What TFDS would download first; TFDS knows the host."""
    import tensorflow_datasets as tfds

    return next(iter(tfds.builder_cls("omniglot").url_infos))


def _prepared_stroke_characters():
    """A folder of stroke_characters, drawn now if there is none, and its place."""
    from coursekit.data.builders import StrokeCharacters, StrokeCharactersConfig

    return sources.drawn_folder(StrokeCharacters, StrokeCharactersConfig(**DRAWN[profile()]), "characters")


def _read(builder, split, image_size):
    """Images, labels and alphabets as they were written; without an image_size, labels and alphabets alone."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    in_order = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1)
    wanted = {"label", "alphabet"} | ({"image"} if image_size else set())
    records = builder.as_dataset(split=split, decoders=tfds.decode.PartialDecoding(wanted), read_config=in_order)

    def decoded(record):
        columns = record["label"], record["alphabet"]
        if not image_size:
            return columns
        image = tf.cast(record["image"][..., :1], tf.float32) / 255
        if builder.name == "omniglot":
            image = 1 - image  # black ink on white paper
        return tf.clip_by_value(tf.image.resize(image, [image_size] * 2, antialias=True), 0, 1), *columns

    batches = records.map(decoded, tf.data.AUTOTUNE).batch(512).as_numpy_iterator()
    return [np.concatenate(column) for column in zip(*batches)]

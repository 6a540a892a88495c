"""Handwritten digits: real MNIST where it can be had, digits that coursekit draws where it cannot.

Both come through TensorFlow Datasets (TFDS), with the same shapes, types and sizes. Which one is
in use, and why, is printed at every load; nothing falls back in silence and nothing is deleted.
"""

from pathlib import Path
from typing import Any

import numpy as np

from coursekit.checks import check_choice, check_integer
from coursekit.data import sources
from coursekit.data.folders import DataError
from coursekit.data.sources import Source as DigitsSource
from coursekit.data.stroke_digits import FACTORS, SPLITS
from coursekit.environment import profile, say

__all__ = ["DataError", "DigitsSource", "digits_source", "load_digits", "stream_digits"]

MNIST = sources.RealSet("MNIST", "mnist", "mnist", "stroke_digits", "COURSEKIT_DIGITS")
QUICK_SIZES = {"train": 20_000, "test": 4_000}
FULL_SIZES = {"train": 60_000, "test": 10_000}
MNIST_ADDRESS = "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz"  # as in TFDS


def load_digits(
    split: str = "train", size: int | None = None, *, source: str | None = None, factors: bool = False
) -> tuple[np.ndarray, ...]:
    """Digits as arrays (slides "LeNet-5 and Mnist Classification").

    Args:
        split: "train" or "test".
        size: how many, from the first on; by default 20,000 and 4,000 in the quick profile, 60,000
            and 10,000 in the full one. stroke_digits has as many as you ask for: asked for more
            than is prepared, it draws and keeps a larger set.
        source: "mnist", "stroke_digits" or "auto"; by default what COURSEKIT_DIGITS says, else "auto":
            MNIST if it is prepared or can be downloaded, else stroke_digits.
        factors: return the true factors too; stroke_digits only.

    Returns:
        images (n, 28, 28, 1) float32 in [0, 1], 1 the ink; labels (n,) int64; and with ``factors`` a
        dict of float32 arrays (n,): see `coursekit.data.stroke_digits`.

    Raises:
        ValueError, TypeError: an unknown split or source, a size below 1 or above what MNIST has, or
            the factors of MNIST.
        DataError: the data set asked for is broken or cannot be had.
    """
    found, size = _checked(split, size, source)
    if factors and found.name == "MNIST":
        raise ValueError('factors=True needs source="stroke_digits": nobody knows the factors of MNIST')
    found, builder = _open(found, split, size, source)
    with sources.readable(builder):
        columns = builder.as_dataset(split=f"{split}[:{size}]", batch_size=-1)  # all in one batch
    say(f"digits: {found.name} ({found.reason}) · {split} {size:,}")
    arrays = columns["image"].numpy().astype("float32") / 255, columns["label"].numpy()
    if factors:
        arrays += ({name: columns[name].numpy() for name in FACTORS},)
    return arrays


def stream_digits(
    split: str, batch_size: int, size: int | None = None, *, source: str | None = None, seed: int | None = None
) -> Any:
    """The same digits as a ``tf.data.Dataset`` that reads while it is used and keeps nothing in memory.

    Args:
        batch_size: images a batch, >= 1; the last batch may be smaller.
        seed: shuffles the images anew at each pass; None keeps their order.

    Returns:
        Batches of images (batch, 28, 28, 1) float32 in [0, 1] and labels (batch,) int64.

    Raises:
        As `load_digits`.
    """
    check_integer("batch_size", batch_size, at_least=1)
    if seed is not None:
        check_integer("seed", seed, at_least=0)
    found, size = _checked(split, size, source)
    found, builder = _open(found, split, size, source)
    import tensorflow as tf
    import tensorflow_datasets as tfds

    uncached = tfds.ReadConfig(try_autocache=False)  # TFDS would keep sets below 250 MiB in memory
    part = f"{split}[:{size}]"
    with sources.readable(builder):  # a pass that decodes no image, so that damage is found before training begins
        labels = builder.as_dataset(part, decoders=tfds.decode.PartialDecoding({"label"}), read_config=uncached)
        labels.reduce(0, lambda count, _: count + 1)
    dataset = builder.as_dataset(part, as_supervised=True, read_config=uncached)
    if seed is not None:
        dataset = dataset.shuffle(10_000, seed=seed)
    dataset = dataset.batch(batch_size)
    say(f"digits: {found.name} ({found.reason}) · {split} {size:,}")
    return dataset.map(lambda image, label: (tf.cast(image, tf.float32) / 255, label)).prefetch(tf.data.AUTOTUNE)


def digits_source(source: str | None = None) -> DigitsSource:
    """Which digits `load_digits` would use now, without loading them.

    Raises:
        ValueError: an unknown source.
        DataError: "mnist" was asked for and its folder is broken, or there is no internet connection.
    """
    return sources.choose(MNIST, source, _address)


def _checked(split, size, source):
    """The source and the size, or a clear error."""
    check_choice("split", split, SPLITS)
    if size is None:
        size = (QUICK_SIZES if profile() == "quick" else FULL_SIZES)[split]
    check_integer("size", size, at_least=1)
    found = digits_source(source)
    if found.name == "MNIST" and size > FULL_SIZES[split]:
        raise ValueError(f"size must be at most {FULL_SIZES[split]:,} for the {split} split of MNIST; got {size:,}")
    return found, int(size)


def _open(found, split, size, source):
    """The source in the end, and a builder whose data are ready to read."""
    return sources.open_chosen(MNIST, found, source, _address, lambda: _prepared_stroke_digits(split, size))


def _address():
    return MNIST_ADDRESS


def _prepared_stroke_digits(split, size) -> tuple[str, Path]:
    """A folder of stroke_digits with enough images, drawn now if there is none, and its place."""
    from coursekit.data.builders import StrokeDigits, StrokeDigitsConfig

    usual = QUICK_SIZES if size <= QUICK_SIZES[split] else FULL_SIZES
    sizes = usual | {split: max(size, usual[split])}
    config = StrokeDigitsConfig(train_size=sizes["train"], test_size=sizes["test"])
    return sources.drawn_folder(StrokeDigits, config, "digits")

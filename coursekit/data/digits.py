"""Handwritten digits: real MNIST where it can be had, digits that coursekit draws where it cannot.

Both come through TensorFlow Datasets (TFDS), with the same shapes, types and sizes. Which one is
in use, and why, is printed at every load; nothing falls back in silence and nothing is deleted.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from coursekit.checks import check_choice, check_integer
from coursekit.data import folders, network
from coursekit.data.folders import DataError
from coursekit.data.stroke_digits import FACTORS, SPLITS
from coursekit.environment import profile, quiet_keras, say

__all__ = ["DataError", "DigitsSource", "digits_source", "load_digits", "stream_digits"]

SOURCES = ("auto", "mnist", "stroke_digits")
QUICK_SIZES = {"train": 20_000, "test": 4_000}
FULL_SIZES = {"train": 60_000, "test": 10_000}
MNIST_ADDRESS = "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz"  # as in TFDS


@dataclass(frozen=True)
class DigitsSource:
    """Where digits come from.

    Attributes:
        name: "MNIST" or "stroke_digits".
        reason: why this one, in a few words.
        data_dir: the TFDS data_dir that holds it, or will once it is downloaded or drawn.
    """

    name: str
    reason: str
    data_dir: Path


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
    found, builder = _open(found, split, size, strict=_choice(source) == "mnist")
    with _readable(builder):
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
    found, builder = _open(found, split, size, strict=_choice(source) == "mnist")
    import tensorflow as tf
    import tensorflow_datasets as tfds

    uncached = tfds.ReadConfig(try_autocache=False)  # TFDS would keep sets below 250 MiB in memory
    dataset = builder.as_dataset(split=f"{split}[:{size}]", as_supervised=True, read_config=uncached)
    if seed is not None:
        dataset = dataset.shuffle(10_000, seed=seed)
    dataset = dataset.batch(batch_size)
    say(f"digits: {found.name} ({found.reason}) · {split} {size:,}")
    return dataset.map(lambda image, label: (tf.cast(image, tf.float32) / 255, label)).prefetch(tf.data.AUTOTUNE)


def digits_source(source: str | None = None) -> DigitsSource:
    """Which digits `load_digits` would use now, without loading them.

    Raises:
        ValueError: an unknown source.
        DataError: "mnist" was asked for and its folder is broken, or there is no network.
    """
    choice = _choice(source)
    _, ours = folders.place_to_prepare()
    if choice == "stroke_digits":
        return DigitsSource("stroke_digits", "as asked", ours)
    found, broken = folders.prepared("mnist", SPLITS)
    left = folders.unfinished("mnist")
    if found:
        place, folder = found
        return DigitsSource("MNIST", "; ".join([f"prepared in {place}", *broken.values()]), folder.parents[1])
    if broken:
        if choice == "mnist":
            raise DataError(
                f"MNIST cannot be read: {'; '.join(broken.values())}. In full: "
                f"{', '.join(map(str, broken))}. Move it away to prepare MNIST anew, or set "
                "COURSEKIT_DIGITS=stroke_digits."
            )
        return DigitsSource("stroke_digits", "; ".join(broken.values()), ours)
    trouble = network.trouble(MNIST_ADDRESS)
    if not trouble:
        return DigitsSource("MNIST", "to be downloaded", ours)
    if choice == "mnist":
        raise DataError(
            f"MNIST is not prepared and cannot be downloaded: {left}{trouble}. Prepare it "
            "where there is a network and set TFDS_DATA_DIR, or set COURSEKIT_DIGITS=stroke_digits."
        )
    return DigitsSource("stroke_digits", f"MNIST is not prepared, {left}and {trouble}", ours)


def _choice(source):
    asked = source is not None
    choice = source if asked else os.environ.get("COURSEKIT_DIGITS") or "auto"
    check_choice("source" if asked else "COURSEKIT_DIGITS", choice, SOURCES)
    return choice


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


def _open(found, split, size, strict):
    """A builder whose data are ready to read, and the source that it stands for in the end."""
    quiet_keras()
    import tensorflow_datasets as tfds

    if found.name == "MNIST" and not folders.prepared("mnist", SPLITS)[0]:
        try:
            with network.patient():
                tfds.builder("mnist", data_dir=found.data_dir).download_and_prepare()
            digits_source("mnist")  # raises if what came is broken
        except Exception as error:  # whatever the network, the disk or TFDS may raise
            if not folders.prepared("mnist", SPLITS)[0]:  # else another process was faster
                if strict:
                    raise DataError(f"MNIST could not be downloaded to {found.data_dir}: {error}") from error
                found = replace(
                    found, name="stroke_digits", reason=f"the download of MNIST failed: {type(error).__name__}"
                )
    if found.name == "MNIST":
        (place, folder), _ = folders.prepared("mnist", SPLITS)
        reason = f"downloaded to {place}" if found.reason == "to be downloaded" else found.reason
        return replace(found, reason=reason, data_dir=folder.parents[1]), tfds.builder_from_directory(folder)

    place, folder = _prepared_stroke_digits(split, size)
    reason = found.reason
    if place != folders.places()[0][0] or place.startswith("a "):
        reason += f"; kept in {place}"
    return replace(found, reason=reason, data_dir=folder.parents[2]), tfds.builder_from_directory(folder)


def _prepared_stroke_digits(split, size) -> tuple[str, Path]:
    """A folder of stroke_digits with enough images, drawn now if there is none, and its place."""
    from coursekit.data.builders import StrokeDigits, StrokeDigitsConfig

    usual = QUICK_SIZES if size <= QUICK_SIZES[split] else FULL_SIZES
    sizes = usual | {split: max(size, usual[split])}
    config = StrokeDigitsConfig(train_size=sizes["train"], test_size=sizes["test"])
    parts = Path("stroke_digits") / config.name / str(StrokeDigits.VERSION)
    for place, data_dir in folders.places():
        if os.path.exists(data_dir / parts):
            if fault := folders.fault(data_dir / parts, SPLITS):
                raise DataError(
                    f"stroke_digits cannot be read: {data_dir / parts} is broken ({fault}). It was left "
                    "untouched; move it away and the digits are drawn anew."
                )
            return place, data_dir / parts
    place, data_dir = folders.place_to_prepare()
    if not folders.may_write(data_dir):
        raise DataError(
            "stroke_digits cannot be prepared, for no data folder can be written to: "
            f"{', '.join(str(folder) for _, folder in folders.places())}. Set TFDS_DATA_DIR to one that can."
        )
    try:
        with _quiet_tfds():
            StrokeDigits(config=config, data_dir=data_dir).download_and_prepare()
    except Exception as error:  # whatever the disk or TFDS may raise
        if folders.fault(data_dir / parts, SPLITS):  # else another process was faster
            raise DataError(f"stroke_digits could not be drawn into {data_dir}: {error}") from error
    return place, data_dir / parts


@contextmanager
def _quiet_tfds() -> Iterator[None]:
    """No messages and no progress bars; in a notebook the bars are widgets, which no redirection stops."""
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield
    finally:
        tfds.enable_progress_bar()


@contextmanager
def _readable(builder) -> Iterator[None]:
    import tensorflow as tf

    try:
        yield
    except (tf.errors.DataLossError, tf.errors.NotFoundError, tf.errors.PermissionDeniedError) as error:
        raise DataError(
            f"{builder.data_path} is damaged and was left untouched: {error.message}. Move it away to prepare it anew."
        ) from error

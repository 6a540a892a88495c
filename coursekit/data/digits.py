"""Handwritten digits: real MNIST where it can be had, digits that coursekit draws where it cannot.

Both come through TensorFlow Datasets (TFDS), with the same shapes, types and sizes. Which one is
in use, and why, is printed at every load; nothing falls back in silence and nothing is deleted.
"""

import functools
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from coursekit.data.stroke_digits import FACTORS, SPLITS

__all__ = ["DataError", "DigitsSource", "digits_source", "load_digits", "stream_digits"]

SOURCES = ("auto", "mnist", "stroke_digits")
QUICK_SIZES = {"train": 20_000, "test": 4_000}
FULL_SIZES = {"train": 60_000, "test": 10_000}
MNIST_ADDRESS = "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz"  # as in TFDS


class DataError(RuntimeError):
    """A data set that was asked for cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class DigitsSource:
    """Where digits come from.

    Attributes:
        name: "MNIST" or "stroke_digits".
        reason: why this one, in a few words.
        folder: the prepared data set, or None where it is still to be downloaded or drawn.
    """

    name: str
    reason: str
    folder: Path | None = None


def load_digits(
    split: str = "train", size: int | None = None, *, source: str | None = None, factors: bool = False
) -> tuple[np.ndarray, ...]:
    """Digits as arrays (slides "LeNet-5 and Mnist Classification").

    Args:
        split: "train" or "test".
        size: how many, from the first on; by default 20,000 and 4,000 in the quick profile, 60,000
            and 10,000 in the full one. stroke_digits has as many as you ask for.
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
        columns = builder.as_dataset(split=f"{split}[:{size}]", batch_size=-1)
    print(f"digits: {found.name} ({found.reason}) · {split} {size:,}")
    arrays = columns["image"].numpy().astype("float32") / 255, columns["label"].numpy()
    if factors:
        arrays += ({name: columns[name].numpy() for name in FACTORS},)
    return arrays


def stream_digits(
    split: str, batch_size: int, size: int | None = None, *, source: str | None = None, seed: int | None = None
) -> Any:
    """The same digits as a ``tf.data.Dataset`` that reads while it is used.

    Args:
        batch_size: images a batch, >= 1; the last batch may be smaller.
        seed: shuffles the images anew at each pass; None keeps their order.

    Returns:
        Batches of images (batch, 28, 28, 1) float32 in [0, 1] and labels (batch,) int64.

    Raises:
        As `load_digits`.
    """
    _check_integer("batch_size", batch_size)
    found, size = _checked(split, size, source)
    found, builder = _open(found, split, size, strict=_choice(source) == "mnist")
    import tensorflow as tf

    dataset = builder.as_dataset(split=f"{split}[:{size}]", as_supervised=True)
    if seed is not None:
        dataset = dataset.shuffle(10_000, seed=seed)
    dataset = dataset.batch(batch_size)
    print(f"digits: {found.name} ({found.reason}) · {split} {size:,}")
    return dataset.map(lambda image, label: (tf.cast(image, tf.float32) / 255, label)).prefetch(tf.data.AUTOTUNE)


def digits_source(source: str | None = None) -> DigitsSource:
    """Which digits `load_digits` would use now, without loading them.

    Raises:
        ValueError: an unknown source.
        DataError: "mnist" was asked for and its folder is broken, or there is no network.
    """
    choice = _choice(source)
    if choice == "stroke_digits":
        return DigitsSource("stroke_digits", "as asked")
    broken = []
    for place, folder in _places():
        for version in sorted((folder / "mnist").glob("[0-9]*.*.*"), reverse=True):
            fault = _fault(version)
            if not fault:
                return DigitsSource("MNIST", f"prepared in {place}", version)
            broken.append((f"mnist/{version.name} in {place} is broken, left untouched: {fault}", version))
    if broken:
        reason, version = broken[0]
        if choice == "mnist":
            raise DataError(f"MNIST cannot be read: {version} is broken ({_fault(version)}). It was left untouched; "
                            "move it away to prepare MNIST anew, or set COURSEKIT_DIGITS=stroke_digits.")
        return DigitsSource("stroke_digits", reason)
    trouble = _network_trouble()
    if not trouble:
        return DigitsSource("MNIST", "to be downloaded")
    if choice == "mnist":
        raise DataError(f"MNIST is not prepared and cannot be downloaded: {trouble}. Prepare it where there is a "
                        "network and set TFDS_DATA_DIR, or set COURSEKIT_DIGITS=stroke_digits.")
    return DigitsSource("stroke_digits", f"MNIST is not prepared, and {trouble}")


def _choice(source):
    choice = source or os.environ.get("COURSEKIT_DIGITS") or "auto"
    if choice not in SOURCES:
        name = "source" if source else "COURSEKIT_DIGITS"
        raise ValueError(f"{name} must be one of {', '.join(SOURCES)}; got {choice!r}")
    return choice


def _checked(split, size, source):
    """The source and the size, or a clear error."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}; got {split!r}")
    if size is None:
        from coursekit.training import profile

        size = (QUICK_SIZES if profile() == "quick" else FULL_SIZES)[split]
    _check_integer("size", size)
    found = digits_source(source)
    if found.name == "MNIST" and size > FULL_SIZES[split]:
        raise ValueError(f"size must be at most {FULL_SIZES[split]:,} for the {split} split of MNIST; got {size:,}")
    return found, int(size)


def _check_integer(name, value):
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer; got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be >= 1; got {value!r}")


def _places() -> list[tuple[str, Path]]:
    """Where prepared data sets are looked for, with their names for the screen."""
    checkout = Path(__file__).parents[2]
    if (checkout / "pyproject.toml").exists():
        own = ("data/", checkout / "data")
    else:
        own = ("~/tensorflow_datasets", Path.home() / "tensorflow_datasets")
    chosen = os.environ.get("TFDS_DATA_DIR")
    return ([("TFDS_DATA_DIR", Path(chosen).expanduser())] if chosen else []) + [own]


def _writable_place() -> tuple[str, Path]:
    """The first place that may be written to, or made."""
    for place, folder in _places():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK) and folder.stat().st_mode & 0o222:  # root may, but should not
            return place, folder
    raise DataError(f"no folder to prepare data in: {', '.join(str(folder) for _, folder in _places())} cannot be "
                    "written to. Set TFDS_DATA_DIR to one that can.")


def _fault(folder: Path) -> str:
    """What is wrong with a prepared TFDS folder, or "" if nothing is.

    A TFRecord file holds 16 bytes beside each example, so its size is known in advance.
    """
    for name in ("dataset_info.json", "features.json"):
        if not (folder / name).is_file():
            return f"{name} is missing"
    try:
        info = json.loads((folder / "dataset_info.json").read_text())
        for split in info["splits"]:
            shards = [int(length) for length in split["shardLengths"]]
            files = list(folder.glob(f"{info['name']}-{split['name']}.tfrecord-*-of-{len(shards):05}"))
            if len(files) != len(shards):
                return f"{len(shards) - len(files)} of {len(shards)} files of the {split['name']} split are missing"
            if sum(file.stat().st_size for file in files) != int(split["numBytes"]) + 16 * sum(shards):
                return f"the {split['name']} split is cut short or damaged"
        if {split["name"] for split in info["splits"]} < set(SPLITS):
            return "a split is missing"
    except (KeyError, TypeError, ValueError) as error:
        return f"dataset_info.json cannot be read ({type(error).__name__})"
    return ""


@functools.cache
def _network_trouble() -> str:
    """Why MNIST's host does not answer, or "" if it does."""
    try:
        urllib.request.urlopen(urllib.request.Request(MNIST_ADDRESS, method="HEAD"), timeout=3).close()
    except urllib.error.HTTPError as error:
        return f"the download is refused (HTTP {error.code})"
    except (OSError, ValueError):
        return "there is no network"
    return ""


def _open(found, split, size, strict):
    """A builder whose data are ready to read, and the source that it stands for in the end."""
    from coursekit.training import quiet_keras

    quiet_keras()
    import tensorflow_datasets as tfds

    if found.name == "MNIST" and found.folder is None:
        place, folder = _writable_place()
        try:
            tfds.builder("mnist", data_dir=folder).download_and_prepare()
            found = digits_source("mnist")
        except Exception as error:  # whatever the network, the disk or TFDS may raise
            if strict:
                raise DataError(f"MNIST could not be downloaded to {folder}: {error}") from error
            found = DigitsSource("stroke_digits", f"the download of MNIST failed: {type(error).__name__}")
    if found.name == "MNIST":
        return found, tfds.builder_from_directory(found.folder)
    return found, tfds.builder_from_directory(_prepare_stroke_digits(split, size))


def _prepare_stroke_digits(split, size) -> Path:
    """The folder of prepared stroke_digits with enough images, drawn now if there is none."""
    from coursekit.data.builders import StrokeDigits, StrokeDigitsConfig

    sizes = QUICK_SIZES | {split: max(size, QUICK_SIZES[split])}
    config = StrokeDigitsConfig(train_size=sizes["train"], test_size=sizes["test"])
    parts = Path("stroke_digits") / config.name / str(StrokeDigits.VERSION)
    for _, place in _places():
        if (place / parts).exists():
            if fault := _fault(place / parts):
                raise DataError(f"stroke_digits cannot be read: {place / parts} is broken ({fault}). It was left "
                                "untouched; move it away and the digits are drawn anew.")
            return place / parts
    _, place = _writable_place()
    try:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            StrokeDigits(config=config, data_dir=place).download_and_prepare()
    except Exception:
        if not (place / parts).exists() or _fault(place / parts):  # else another process was faster
            raise
    return place / parts


@contextmanager
def _readable(builder) -> Iterator[None]:
    import tensorflow as tf

    try:
        yield
    except (tf.errors.DataLossError, tf.errors.NotFoundError) as error:
        raise DataError(f"{builder.data_path} is damaged and was left untouched: {error.message}. "
                        "Move it away to prepare it anew.") from error

"""Which of two to use: a real data set of TensorFlow Datasets (TFDS), or the one that coursekit draws in its stead.

Whatever happens is said, nothing falls back in silence, and nothing is deleted.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from coursekit.checks import check_choice
from coursekit.data import folders, network
from coursekit.data.folders import DataError
from coursekit.environment import quiet_keras

__all__ = ["RealSet", "Source", "asked_for", "choose", "drawn_folder", "open_chosen", "readable"]

SPLITS = ("train", "test")
TO_BE_DOWNLOADED = "to be downloaded"


@dataclass(frozen=True)
class Source:
    """Where data come from.

    Attributes:
        name: "MNIST" or "stroke_digits", "Omniglot" or "stroke_characters", "Oxford-IIIT Pet" or "drawn_pets".
        reason: why this one, in a few words.
        data_dir: the TFDS data_dir that holds it, or will once it is downloaded or drawn.
    """

    name: str
    reason: str
    data_dir: Path


@dataclass(frozen=True)
class RealSet:
    """A real data set, and what stands in for it.

    Attributes:
        title: its name on the screen.
        tfds: its name in TFDS.
        choice: its name as a ``source``.
        stand_in: the name of what coursekit draws, on the screen and as a ``source``.
        variable: the environment variable that says which source to use.
        splits: the splits that it must have in TFDS.
    """

    title: str
    tfds: str
    choice: str
    stand_in: str
    variable: str
    splits: tuple[str, ...] = SPLITS


def asked_for(real: RealSet, source: str | None) -> str:
    """The choice of the argument, else of the environment, else "auto"; ValueError if there is no such source."""
    asked = source is not None
    choice = source if asked else os.environ.get(real.variable) or "auto"
    check_choice("source" if asked else real.variable, choice, ("auto", real.choice, real.stand_in))
    return choice


def choose(real: RealSet, source: str | None, address: Callable[[], str], unasked: str = "") -> Source:
    """The source to use now; nothing is loaded.

    Args:
        address: gives an address of the download, called if one is needed.
        unasked: why it is not downloaded unless it is asked for by name; "" if it is.

    Raises:
        ValueError: an unknown source.
        DataError: the real set was asked for and its folder is broken, or there is no internet connection.
    """
    choice = asked_for(real, source)
    _, ours = folders.place_to_prepare()
    if choice == real.stand_in:
        return Source(real.stand_in, "as asked", ours)
    found, broken = folders.prepared(real.tfds, real.splits)
    left = folders.unfinished(real.tfds)
    if found:
        place, folder = found
        return Source(real.title, "; ".join([f"prepared in {place}", *broken.values()]), folder.parents[1])
    instead = f"set {real.variable}={real.stand_in}."
    if broken:
        if choice == real.choice:
            raise DataError(
                f"{real.title} cannot be read: {'; '.join(broken.values())}. In full: "
                f"{', '.join(map(str, broken))}. Move it away to prepare {real.title} anew, or {instead}"
            )
        return Source(real.stand_in, "; ".join(broken.values()), ours)
    if unasked and choice == "auto":
        return Source(real.stand_in, f"{real.title} is not prepared; {left}{unasked}", ours)
    trouble = network.trouble(address())
    if not trouble:
        return Source(real.title, TO_BE_DOWNLOADED, ours)
    if choice == real.choice:
        raise DataError(
            f"{real.title} is not prepared and cannot be downloaded: {left}{trouble}. Prepare it "
            f"where there is a network and set TFDS_DATA_DIR, or {instead}"
        )
    return Source(real.stand_in, f"{real.title} is not prepared, {left}and {trouble}", ours)


def open_chosen(
    real: RealSet, found: Source, source: str | None, address: Callable[[], str], draw: Callable[[], tuple[str, Path]]
) -> tuple[Source, Any]:
    """A TFDS builder whose data are ready to read, downloaded or drawn now if need be, and the source in the end.

    Args:
        found: what `choose` gave for ``source`` and ``address``.
        draw: gives a folder of the stand-in and its place, as `drawn_folder` does.

    Raises:
        DataError: the real set was asked for and cannot be downloaded, or the stand-in cannot be drawn.
    """
    quiet_keras()
    import tensorflow_datasets as tfds

    if found.name == real.title and not folders.prepared(real.tfds, real.splits)[0]:
        try:
            with network.patient():
                tfds.builder(real.tfds, data_dir=found.data_dir).download_and_prepare()
            choose(real, real.choice, address)  # raises if what came is broken
        except Exception as error:  # whatever the network, the disk or TFDS may raise
            if not folders.prepared(real.tfds, real.splits)[0]:  # else another process was faster
                if asked_for(real, source) == real.choice:
                    trouble = _what_to_do(error, f"Try again, or set {real.variable}={real.stand_in}.")
                    raise DataError(f"{real.title} could not be downloaded to {found.data_dir}: {trouble}") from error
                reason = f"the download of {real.title} failed: {_in_words(error)}"
                found = replace(found, name=real.stand_in, reason=reason)
    if found.name == real.title:
        (place, folder), _ = folders.prepared(real.tfds, real.splits)
        reason = f"downloaded to {place}" if found.reason == TO_BE_DOWNLOADED else found.reason
        return replace(found, reason=reason, data_dir=folder.parents[1]), tfds.builder_from_directory(folder)

    place, folder = draw()
    reason = found.reason
    if place != folders.places()[0][0] or place.startswith("a "):
        reason += f"; kept in {place}"
    return replace(found, reason=reason, data_dir=folder.parents[2]), tfds.builder_from_directory(folder)


def drawn_folder(builder: type, config: Any, things: str) -> tuple[str, Path]:
    """The folder of a set that coursekit draws, and its place; drawn now if there is none.

    Args:
        builder: a class of `coursekit.data.builders`, and its configuration.
        things: what it draws, for messages.

    Raises:
        DataError: the folder is broken, or there is no place to draw into.
    """
    parts = Path(builder.name) / config.name / str(builder.VERSION)
    for place, data_dir in folders.places():
        if os.path.exists(data_dir / parts):
            if fault := folders.fault(data_dir / parts, SPLITS):
                raise DataError(
                    f"{builder.name} cannot be read: {data_dir / parts} is broken ({fault}). It was left "
                    f"untouched; move it away and the {things} are drawn anew."
                )
            return place, data_dir / parts
    place, data_dir = folders.place_to_prepare()
    if not folders.may_write(data_dir):
        raise DataError(
            f"{builder.name} cannot be prepared, for no data folder can be written to: "
            f"{', '.join(str(folder) for _, folder in folders.places())}. Set TFDS_DATA_DIR to one that can."
        )
    try:
        with _quiet_tfds():
            builder(config=config, data_dir=data_dir).download_and_prepare()
    except Exception as error:  # whatever the disk or TFDS may raise
        if folders.fault(data_dir / parts, SPLITS):  # else another process was faster
            trouble = _what_to_do(error, "Try again, or set TFDS_DATA_DIR to another folder.")
            raise DataError(f"{builder.name} could not be drawn into {data_dir}: {trouble}") from error
    return place, data_dir / parts


def _in_words(error: Exception) -> str:
    """Why data could not be prepared."""
    full = ["No space left", "Not enough disk space", f"[Errno {errno.ENOSPC}]", f"[Errno {errno.EDQUOT}]"]
    if any(words in str(error) for words in full):  # TensorFlow and TFDS pass on the words alone
        return "the disk is full"
    name = type(error).__name__
    return "a file came damaged" if name == "NonMatchingChecksumError" else name


def _what_to_do(error: Exception, otherwise: str) -> str:
    """The first line of an error, and what to do about it."""
    if _in_words(error) == "the disk is full":
        otherwise = "The disk is full: make room there, or set TFDS_DATA_DIR to a folder on another one."
    return f"{str(error).partition(chr(10))[0].rstrip(':.')}. {otherwise}"


@contextmanager
def _quiet_tfds() -> Iterator[None]:
    """No messages and no progress bars; in a notebook the bars are widgets, which no redirection stops."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.utils import tqdm_utils

    shown = getattr(tqdm_utils, "_active", True)  # TFDS tells nobody
    tfds.disable_progress_bar()
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield
    finally:
        if shown:
            tfds.enable_progress_bar()


@contextmanager
def readable(builder: Any) -> Iterator[None]:
    """Damage that only reading finds becomes a `DataError` that names the folder."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.DataLossError, tf.errors.NotFoundError, tf.errors.PermissionDeniedError) as error:
        raise DataError(
            f"{builder.data_path} is damaged and was left untouched: {error.message}. Move it away to prepare it anew."
        ) from error

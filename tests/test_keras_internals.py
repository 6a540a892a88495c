"""The private parts of Keras are where we look for them, do what we need, and can be missed.

A failure of the first test of each means that Keras moved a part: the course still works, slower.
"""

import ast
import resource
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import coursekit
from coursekit import keras_internals
from coursekit.vision import architectures, blueprint

ADAPTER = "keras.src.trainers.data_adapters.array_data_adapter"
STATE = "keras.src.backend.common.global_state"


def imports(path):
    """Names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_one_file_touches_private_keras():
    package = Path(coursekit.__file__).parent
    found = {path.name for path in package.rglob("*.py") if any(name.startswith("keras.src") for name in imports(path))}
    assert found == {"keras_internals.py"}
    assert not [
        path
        for path in package.rglob("*.py")
        if "keras.src" in path.read_text(encoding="utf-8") and path.name != "keras_internals.py"
    ]


# ---------------------------------------------------------------- fit_without_autotuner


def test_the_adapter_of_arrays_is_still_there():
    assert keras_internals.fit_without_autotuner() is True


def test_fit_gets_the_same_batches_without_the_autotuner():
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

    for _ in range(2):  # a second time adds nothing
        keras_internals.fit_without_autotuner()
    x = np.arange(100)
    pipelines = {"ours": ArrayDataAdapter.get_tf_dataset, "Keras'": ArrayDataAdapter.get_tf_dataset.__wrapped__}
    batches = {}
    for name, make in pipelines.items():
        keras.utils.set_random_seed(2)
        pipeline = make(ArrayDataAdapter(x, batch_size=7, shuffle=True))
        assert pipeline.options().autotune.enabled is (False if name == "ours" else None)
        batches[name] = [batch[0].tolist() for batch in pipeline.as_numpy_iterator()]
    assert batches["ours"] == batches["Keras'"] and len(batches["ours"]) == 15
    assert not hasattr(pipelines["Keras'"], "__wrapped__")


@pytest.fixture
def moved(monkeypatch):
    """A Keras that has moved its private parts."""
    for module in (ADAPTER, STATE):
        monkeypatch.setitem(sys.modules, module, None)  # importing it raises ModuleNotFoundError


def test_fit_works_without_the_adapter(moved):
    assert keras_internals.fit_without_autotuner() is False
    coursekit.start(seed=1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert len(model.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=0).history["loss"]) == 2


# ---------------------------------------------------------------- variables_without_values


def test_the_list_of_pending_variables_is_still_there():
    with keras_internals.variables_without_values() as done:
        model = keras.Sequential([keras.Input((2**12,)), keras.layers.Dense(2**19)])  # 8.6 GB
    assert done is True
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with keras.StatelessScope():
        pass  # where Keras fills what is pending
    assert model.count_params() == 2**19 * (2**12 + 1)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1e6  # kB


def test_a_builder_that_raises_leaves_nothing_pending():
    from keras.src.backend.common.global_state import get_global_attribute

    with pytest.raises(ValueError, match="classifier_activation|nope"):
        blueprint(architectures.lenet5, classifier_activation="nope")
    assert not get_global_attribute("uninitialized_variables")


def test_blueprints_work_without_the_list(moved):
    with keras_internals.variables_without_values() as done:
        pass
    assert done is False
    plan = blueprint(architectures.lenet5)
    assert plan.count_params() == 61_706 and len(plan.get_weights()) == 10


# ---------------------------------------------------------------- what the course says of Keras


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras on JAX shuffles anew in each epoch")
def test_fit_deals_the_same_order_in_every_epoch_once_a_seed_is_set():
    """Notebook 05 says so; where this fails, Keras was mended, and the paragraph goes."""
    keras.utils.set_random_seed(1)
    orders = []
    model = keras.Sequential([keras.Input((1,)), keras.layers.Lambda(lambda x: orders.append(list(x.numpy())) or x)])
    model.compile(loss="mse", run_eagerly=True)
    model.fit(np.arange(50.0)[:, None], np.zeros(50), batch_size=50, epochs=3, verbose=0)
    first, second, third = orders[-3:]  # the first call may build the model
    assert first == second == third != sorted(first)

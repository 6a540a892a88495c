"""Profiles, devices, backends and consoles."""

import json
import os
import re
from pathlib import Path

import keras
import matplotlib
import pytest
import tensorflow as tf

import coursekit
from coursekit import environment

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def defaults(monkeypatch):
    """The defaults of a machine without a GPU, with digits that need no network."""
    monkeypatch.delenv("COURSEKIT_PROFILE", raising=False)
    monkeypatch.setenv("COURSEKIT_DIGITS", "stroke_digits")
    with matplotlib.rc_context():  # start() sets the style for good
        yield


@pytest.mark.parametrize(
    "backend, error",
    [
        ("torch", "KERAS_BACKEND must be one of tensorflow, jax; got 'torch'"),
        ("tensorlfow", "KERAS_BACKEND must be one of tensorflow, jax; got 'tensorlfow'"),
        ("numpy", "KERAS_BACKEND must be one of tensorflow, jax; got 'numpy'"),
    ],
)
def test_another_backend_is_named(backend, error, run_python):
    done = run_python("import coursekit; coursekit.start(seed=1)", KERAS_BACKEND=backend, succeed=False)
    assert done.returncode == 1 and f"ValueError: {error}" in done.stderr


@pytest.mark.parametrize(
    "backend, error",
    [
        ("numpy", "set by KERAS_BACKEND or keras.json, must be one of tensorflow, jax; got 'numpy'"),
        ("nonsense", '"backend" in keras.json asks for cannot be imported'),
    ],
)
def test_another_backend_in_keras_json(backend, error, tmp_path, run_python):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": backend}), encoding="utf-8")
    done = run_python(
        "import os; os.environ.pop('KERAS_BACKEND', 0); import coursekit; coursekit.start(seed=1)",
        KERAS_HOME=str(tmp_path),
        succeed=False,
    )
    assert done.returncode == 1 and error in done.stderr


def test_a_keras_that_was_imported_before(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="the backend of Keras.* must be one of tensorflow, jax; got 'torch'"):
        coursekit.start(seed=1)


def test_a_backend_that_is_not_installed(run_python):
    done = run_python(
        "import sys; sys.modules['jax'] = None\nimport coursekit; coursekit.start(seed=1)",
        KERAS_BACKEND="jax",
        succeed=False,
    )
    assert "ImportError: the backend that KERAS_BACKEND, jax, asks for cannot be imported: " in done.stderr


@pytest.mark.parametrize("asked, said", [("jax", True), ("tensorflow", False), ("", False)])
def test_a_notebook_gets_the_backend_that_it_needs(asked, said, run_python):
    """And the student is told, in the one line, what it runs with instead."""
    done = run_python("import coursekit; coursekit.start(seed=1, needs='tensorflow')", KERAS_BACKEND=asked)
    (line,) = done.stdout.splitlines()
    assert f"Keras {keras.version()} with tensorflow{', which this notebook needs, instead of jax,' * said} on " in line
    assert done.stderr == ""


def test_the_backend_of_a_keras_json_gives_way_too(tmp_path, run_python):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "jax"}), encoding="utf-8")
    for needs, with_which in (
        ("'tensorflow'", "tensorflow, which this notebook needs, instead of jax, on"),
        ("None", "jax on"),
    ):
        done = run_python(
            f"import os; os.environ.pop('KERAS_BACKEND', 0)\nimport coursekit; coursekit.start(seed=1, needs={needs})",
            KERAS_HOME=str(tmp_path),
            JAX_PLATFORMS="cpu",
        )
        assert f" with {with_which} CPU" in done.stdout and done.stderr == ""


NO_HOME = """
import os, pwd
def getpwuid(uid):
    raise KeyError(uid)
pwd.getpwuid = getpwuid
os.environ.pop("HOME", None)
import coursekit
coursekit.start(seed=1)
from coursekit.exercises import answers
answers.check("01.1", answers.exercises_of("01")[0].reference)
answers.progress()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no such list of users")
def test_a_user_without_a_home_folder(tmp_path, run_python):
    """Such as a container's, whose number belongs to nobody."""
    done = run_python(NO_HOME, cwd=tmp_path, TMPDIR=str(tmp_path), COURSEKIT_PROGRESS="", KERAS_BACKEND="")
    assert "✓ 01.1" in done.stdout and f"kept in {tmp_path / '.coursekit' / 'progress'}" in done.stdout
    assert (tmp_path / ".coursekit" / "progress" / "01.1").exists()


def test_a_backend_that_is_needed_too_late(run_python):
    done = run_python(
        "import keras, coursekit; coursekit.start(seed=1, needs='tensorflow')",
        KERAS_BACKEND="jax",
        JAX_PLATFORMS="cpu",
        succeed=False,
    )
    assert (
        "ValueError: this notebook needs Keras with tensorflow, and Keras already runs with jax: restart" in done.stderr
    )
    with pytest.raises(ValueError, match="needs must be one of tensorflow, jax; got 'torch'"):
        coursekit.start(seed=1, needs="torch")


@pytest.fixture
def a_gpu(monkeypatch):
    """A GPU that the driver shows, to which nothing else points; that no library of the driver is loaded is set."""
    for name in ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS"):
        monkeypatch.delenv(name, raising=False)
    glob = environment.Path.glob
    fake = {("/dev", "nvidia[0-9]*"): [environment.Path("/dev/nvidia3")]}
    monkeypatch.setattr(
        environment.Path, "glob", lambda path, pattern: fake.get((str(path), pattern)) or glob(path, pattern)
    )
    monkeypatch.setattr(environment.ctypes, "CDLL", lambda name: None)
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: True)


def assert_said(reason, capsys):
    """`start` says it within its one line, in words that the notebooks' check masks."""
    coursekit.start(seed=1)
    (line,) = capsys.readouterr().out.splitlines()
    said = (
        rf'on CPU, \d+ cores? \(there is an NVIDIA GPU, but {re.escape(reason)}: nvidia-smi .* "With a GPU"\) · profile'
    )
    assert re.search(said, line), line


@pytest.mark.parametrize("value", ["", "-1", "-1,0"])
def test_a_gpu_that_the_environment_hides(value, a_gpu, monkeypatch, capsys):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert_said(f"CUDA_VISIBLE_DEVICES={value!r} hides it", capsys)


@pytest.mark.parametrize("value", [None, "0", "1,-1"])
def test_a_gpu_that_the_environment_does_not_hide(value, a_gpu, monkeypatch, capsys):
    if value is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert_said("the CUDA libraries of TensorFlow are missing or do not fit the driver", capsys)


def test_a_tensorflow_without_cuda(a_gpu, monkeypatch, capsys):
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: False)
    assert_said("this TensorFlow is built without CUDA", capsys)


def test_a_gpu_that_tensorflow_was_told_to_leave(a_gpu, monkeypatch, capsys):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda *arguments: None)
    assert_said("tf.config.set_visible_devices hides it", capsys)


def test_a_driver_that_is_missing(a_gpu, monkeypatch, capsys):
    def fail(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(environment.ctypes, "CDLL", fail)
    assert_said("the library of its driver, libcuda.so.1, cannot be loaded", capsys)


@pytest.mark.parametrize(
    "platforms, plugin, reason",
    [
        ("cpu", True, "JAX_PLATFORMS='cpu' leaves it out"),
        ("cuda,cpu", False, "JAX is installed without CUDA"),
        ("", True, "the CUDA libraries of JAX are missing or do not fit the driver"),
    ],
)
def test_a_gpu_that_jax_does_not_use(platforms, plugin, reason, a_gpu, monkeypatch, capsys):
    monkeypatch.setenv("JAX_PLATFORMS", platforms)
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: plugin and name == "jax_cuda13_plugin")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert_said(reason, capsys)


def test_no_gpu_and_no_word(capsys):
    coursekit.start(seed=1)
    assert re.search(r"on CPU, \d+ cores? · profile", capsys.readouterr().out)


# ---------------------------------------------------------------- the memory of a GPU


@pytest.fixture
def two_gpus(monkeypatch):
    """TensorFlow lists two GPUs; the fixture's list holds those whose memory was let grow."""
    grown = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: {"GPU": ["GPU:0", "GPU:1"]}[kind])
    monkeypatch.setattr(
        tf.config.experimental, "set_memory_growth", lambda device, enable: grown.append((device, enable))
    )
    return grown


def test_the_memory_of_each_gpu_grows(two_gpus, capsys):
    coursekit.start(seed=1)
    assert two_gpus == [("GPU:0", True), ("GPU:1", True)]
    assert "memory" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "begin",
    [
        "import sys; sys.modules.pop('keras', 0); from coursekit.environment import quiet_keras; quiet_keras()",
        "import coursekit, keras; coursekit.start(seed=1)",
    ],
)
def test_the_memory_grows_before_a_gpu_is_first_used(begin, run_python):
    done = run_python(
        "import tensorflow as tf\n"
        "order, use = [], tf.config.list_logical_devices\n"
        "tf.config.list_physical_devices = lambda kind: [kind]\n"
        "tf.config.experimental.set_memory_growth = lambda device, enable: order.append(device)\n"
        "tf.config.list_logical_devices = lambda **kind: order.append('use') or use(**kind)\n"
        f"{begin}\nprint(*order[:2])"
    )
    assert done.stdout.splitlines()[-1] == "GPU use"


@pytest.mark.parametrize(
    "error, said",
    [
        (RuntimeError("Physical devices cannot be modified after being initialized"), True),
        (ValueError("Cannot set memory growth on device when virtual devices configured"), False),
    ],
)
def test_a_gpu_that_is_in_use_already(error, said, two_gpus, monkeypatch, capsys):
    """Not for the first one alone; what the user has divided is no news."""

    def refuse(device, enable):
        two_gpus.append(device)
        raise error

    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", refuse)
    coursekit.start(seed=1)
    (line,) = capsys.readouterr().out.splitlines()
    clause = " (this notebook holds all of the memory: TensorFlow was used before start) · profile"
    assert (clause in line) == said and two_gpus == ["GPU:0", "GPU:1"]


@pytest.mark.parametrize("theirs, expected", [(None, "false"), ("true", "true")])
def test_jax_takes_memory_as_it_is_needed(theirs, expected, monkeypatch):
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", theirs or "")
    if theirs is None:
        monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert environment.let_memory_grow() == ""
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == expected


@pytest.fixture
def tf32():
    """TensorFlow as it starts, and left so."""
    tf.config.experimental.enable_tensor_float_32_execution(True)
    yield tf.config.experimental.tensor_float_32_execution_enabled
    tf.config.experimental.enable_tensor_float_32_execution(True)


@pytest.mark.parametrize("devices, rounds", [(["gpu:0"], False), (["cpu:0"], True)])
def test_a_gpu_multiplies_float32(devices, rounds, tf32, monkeypatch):
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: devices)
    coursekit.start(1)
    assert tf32() == rounds


@pytest.mark.parametrize("devices, theirs, expected", [
    (["gpu:0"], None, "highest"), (["gpu:0"], "tensorfloat32", "tensorfloat32"), (["cpu:0"], None, None),
])  # fmt: skip
def test_a_gpu_multiplies_float32_on_jax(devices, theirs, expected, monkeypatch):
    jax = pytest.importorskip("jax")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: devices)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    before = jax.config.jax_default_matmul_precision
    jax.config.update("jax_default_matmul_precision", theirs)
    try:
        environment.keep_float32()
        assert jax.config.jax_default_matmul_precision == expected
    finally:
        jax.config.update("jax_default_matmul_precision", before)


# ---------------------------------------------------------------- a device's memory is full

BACKENDS = {
    "tensorflow": (
        "from tensorflow import errors, ones\nmake = lambda message: errors.ResourceExhaustedError(None, None, message)",
        "ones((2**30, 2**20))",
        "No space left on device",
    ),
    "jax": (
        "from jax.errors import JaxRuntimeError as make\nfrom jax.numpy import ones",
        "ones((2**30, 2**20))",
        "INTERNAL: another error",
    ),
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_full_memory_says_what_to_lower(backend, executed, monkeypatch):
    """A petabyte is asked for, really; other errors of the same class, and of any other, look as they do before."""
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    imports, too_much, other = BACKENDS[backend]
    errors = f"raise make('{other}')", "def f(x):\n    return 1 / x\n\nf(0)", "1 +"
    cells = executed(imports, *errors, "import coursekit; run = coursekit.start(seed=1)", *errors, too_much, "print(5)")

    def said(cell):
        return [
            re.sub(r"\[\d+\]", "[n]", "\n".join(output.traceback))
            for output in cell.outputs
            if output.output_type == "error"
        ], [output.text for output in cell.outputs if output.get("name") == "stdout"]

    for before, after in zip(cells[1:4], cells[5:8]):
        (traceback,), printed = said(after)
        assert ([traceback], printed) == said(before) and printed == []
    (traceback,), printed = said(cells[8])
    assert ("ResourceExhaustedError" if backend == "tensorflow" else "RESOURCE_EXHAUSTED") in traceback
    assert printed == [environment.FULL_MEMORY + "\n"] and cells[8].outputs[-1].get("name") == "stdout"
    assert "batch size" in printed[0] and "images" in printed[0] and "another notebook" in printed[0]
    assert said(cells[9]) == ([], ["5\n"])


@pytest.mark.parametrize(
    "kind, words, said",
    [
        ("NotFoundError", "No algorithm worked! Profiling failure: UNKNOWN: CUDNN_STATUS_ALLOC_FAILED", True),
        ("InternalError", "Failed copying input tensor from CPU:0 to GPU:0: Dst tensor is not initialized.", True),
        ("InternalError", "CUDA_ERROR_OUT_OF_MEMORY: out of memory", True),
        ("InternalError", "the program is wrong", False),
        ("InvalidArgumentError", "Matrix size-incompatible", False),
    ],
)
def test_full_memory_that_another_error_tells_of(kind, words, said, monkeypatch, capsys):
    handlers = []

    class Shell:
        custom_exceptions = ()

        def set_custom_exc(self, exceptions, handler):
            handlers.append((exceptions, handler))

        def showtraceback(self, *arguments, **options):
            print("the traceback")

    IPython = pytest.importorskip("IPython")
    monkeypatch.setattr(IPython, "get_ipython", Shell)
    environment.explain_full_memory()
    [(exceptions, handler)] = handlers
    error = getattr(tf.errors, kind)(None, None, words)
    assert isinstance(error, exceptions)
    handler(Shell(), type(error), error, None)
    assert capsys.readouterr().out == "the traceback\n" + (environment.FULL_MEMORY + "\n") * said


def test_a_handler_of_the_user_stays(monkeypatch):
    class Shell:
        custom_exceptions = (KeyError,)

        def set_custom_exc(self, exceptions, handler):
            pytest.fail("the user's handler is gone")

    IPython = pytest.importorskip("IPython")
    monkeypatch.setattr(IPython, "get_ipython", Shell)
    environment.explain_full_memory()


ENCODINGS = ["ascii", "cp437", "cp1252", "utf-8"]
ON_EACH_CONSOLE = f"""
import sys, coursekit
from coursekit.plotting import LiveFigure

for encoding in {ENCODINGS}:
    sys.stdout = open(encoding, "w", encoding=encoding)
    coursekit.start(seed=1)
    coursekit.claim("a", 1, at_least=0)
    coursekit.claim("b", 0.5, equals=0.5, tolerance=0.1)
    LiveFigure(1)(0, {{"loss": 1.0}})
    sys.stdout.close()
"""


@pytest.fixture(scope="module")
def consoles(run_python, tmp_path_factory):
    """What consoles of each encoding show, by encoding; all are of one process, whose own has only ASCII."""
    folder = tmp_path_factory.mktemp("consoles")
    done = run_python(ON_EACH_CONSOLE, cwd=folder, PYTHONPATH=str(ROOT), PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.stdout == done.stderr == ""
    return {encoding: (folder / encoding).read_text(encoding=encoding) for encoding in ENCODINGS}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_console_can_show_the_course(encoding, consoles):
    shown = consoles[encoding]
    signs = ("✓", "≥", "≈", "±") if encoding == "utf-8" else ("ok", ">=", "~", "+-")
    assert "{} a: 1 {} 0".format(*signs) in shown
    assert "0.5 {} 0.5 {} 0.1".format(*signs[2:]) in shown
    assert ("█" if encoding in ("utf-8", "cp437") else "#") in shown
    assert "coursekit" in shown.splitlines()[0] and "seed 1" in shown


@pytest.mark.parametrize("value, expected", [("quick", "quick"), ("full", "full"), ("", "quick")])
def test_profile_of_the_environment(monkeypatch, value, expected):
    monkeypatch.setenv("COURSEKIT_PROFILE", value)
    assert environment.profile() == expected


@pytest.mark.parametrize("value", ["fast", "Quick", "full "])
def test_a_bad_profile_is_named_with_the_good_ones(monkeypatch, value):
    monkeypatch.setenv("COURSEKIT_PROFILE", value)
    with pytest.raises(ValueError, match=f"COURSEKIT_PROFILE must be one of quick, full; got '{value}'"):
        coursekit.start(1)


def test_a_gpu_means_the_full_profile_unless_asked_otherwise(monkeypatch):
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0", "gpu:1"])
    assert coursekit.start(1).profile == "full"
    assert coursekit.start(1).device == "2 GPUs"
    monkeypatch.setenv("COURSEKIT_PROFILE", "quick")
    assert coursekit.start(1).profile == "quick"

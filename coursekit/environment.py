"""Where the course runs: its profile, its device, and a Keras that starts without a word."""

import ctypes
import importlib.util
import json
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import TextIO

from coursekit.checks import check_choice

__all__ = [
    "BACKENDS",
    "check_channels_last",
    "chosen_backend",
    "device",
    "explain_full_memory",
    "keep_float32",
    "let_memory_grow",
    "profile",
    "quiet_keras",
    "say",
]

PROFILES = ("quick", "full")
BACKENDS = ("tensorflow", "jax")
ASCII = str.maketrans({"✓": "ok", "≤": "<=", "≥": ">=", "≈": "~", "±": "+-", "·": "-", "█": "#", "░": "."})
FULL_MEMORY = (
    "The device's memory is full: lower the batch size or the size of the images and run the cell again. "
    "The kernel of another notebook may hold memory too: shut it down. If it stays full, restart this kernel."
)
# how a GPU's full memory is told of by errors of other kinds: CUDA's, cuBLAS' and cuDNN's words, a copy that failed
SIGNS_OF_FULL_MEMORY = (
    "RESOURCE_EXHAUSTED",
    "OUT_OF_MEMORY",
    "out of memory",
    "ALLOC_FAILED",
    "Dst tensor is not initialized",
)


def profile() -> str:
    """ "quick" or "full": what COURSEKIT_PROFILE says, else "full" where there is a GPU.

    Raises:
        ValueError: COURSEKIT_PROFILE is set to something else.
    """
    chosen = os.environ.get("COURSEKIT_PROFILE")
    if not chosen:
        return "full" if _gpus() else "quick"
    check_choice("COURSEKIT_PROFILE", chosen, PROFILES)
    return chosen


def device() -> str:
    """What computes, in words: "CPU, 2 cores", or "1 GPU"; why a GPU that is there is not used, as far as known."""
    if gpus := _gpus():
        return f"{len(gpus)} GPU" + "s" * (len(gpus) > 1)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    unused = ""
    if any(Path("/dev").glob("nvidia[0-9]*")):
        unused = f' (there is an NVIDIA GPU, but {_why_unused()}: nvidia-smi shows it, README helps, "With a GPU")'
    return f"CPU, {cores} core" + "s" * (cores > 1) + unused


def _why_unused() -> str:
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.split(",")[0].strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={hidden!r} hides it"
    if quiet_keras().backend.backend() == "jax":
        platforms = os.environ.get("JAX_PLATFORMS")
        if platforms and not {"cuda", "gpu"} & set(platforms.split(",")):
            return f"JAX_PLATFORMS={platforms!r} leaves it out"
        if not any(importlib.util.find_spec(f"jax_cuda{version}_plugin") for version in (12, 13)):
            return "JAX is installed without CUDA"
        name = "JAX"
    else:
        import tensorflow as tf

        if not tf.test.is_built_with_cuda():
            return "this TensorFlow is built without CUDA"
        if tf.config.list_physical_devices("GPU"):
            return "tf.config.set_visible_devices hides it"
        name = "TensorFlow"
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "the library of its driver, libcuda.so.1, cannot be loaded"
    return f"the CUDA libraries of {name} are missing or do not fit the driver"


def let_memory_grow() -> str:
    """Let the backend take a GPU's memory bit by bit, so that two notebooks share one; a clause where it is too late.

    On JAX by the variable XLA_PYTHON_CLIENT_PREALLOCATE, unless it is set, which counts until the first operation.
    """
    if chosen_backend() == "jax":
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        return ""
    import tensorflow as tf

    late = False
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            late = True
        except ValueError:
            pass  # the user has divided this GPU's memory already
    return " (this notebook holds all of the memory: TensorFlow was used before start)" * late


def keep_float32() -> None:
    """Let a GPU multiply float32 numbers as such, where it would round them to TF32, with 10 bits behind the point.

    NVIDIA's GPUs since Ampere (2020) do so by default; the course claims equalities that hold to six digits. On JAX
    a precision that the user has chosen stays.
    """
    if not _gpus():
        return
    if chosen_backend() == "jax":
        import jax

        if jax.config.jax_default_matmul_precision is None:
            jax.config.update("jax_default_matmul_precision", "highest")
    else:
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)


def explain_full_memory() -> None:
    """In IPython, let a line on what to do follow the traceback of an error that tells of a device's full memory.

    A handler of exceptions that the user has set stays; IPython has room for one.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or shell.custom_exceptions:
        return
    if chosen_backend() == "jax":
        from jax.errors import JaxRuntimeError as BackendError
    else:
        from tensorflow.errors import OpError as BackendError

    def explain(shell, kind, error, traceback, tb_offset=None):
        shell.showtraceback((kind, error, traceback), tb_offset=tb_offset, running_compiled_code=True)
        full = kind.__name__ == "ResourceExhaustedError" or any(sign in str(error) for sign in SIGNS_OF_FULL_MEMORY)
        if full and "No space left" not in str(error):  # TensorFlow's error of a full disk is of the same kind
            say(FULL_MEMORY)

    shell.set_custom_exc((BackendError,), explain)


def _gpus() -> list[str]:
    # all devices: asked for GPUs alone, JAX raises where there is none
    return [name for name in quiet_keras().distribution.list_devices() if not name.startswith("cpu")]


def quiet_keras(needs: str | None = None) -> ModuleType:
    """Keras, with its backend woken up and none of their start-up messages.

    TensorFlow logs from C++ before any Python setting reaches it, so the first import runs with
    the process's standard error closed. Later it logs nothing below a fatal error: at the level of
    errors it also tells of graph optimisations that it had to leave out. What fails still raises.
    On JAX TensorFlow is woken up too, for its pipelines, and kept off the GPU.

    Args:
        needs: a backend to use instead of the one that Keras is set to.

    Raises:
        ValueError: Keras is set to a backend that the course does not run on, or already runs on
            another one than ``needs``.
        ImportError: the backend it is set to is not installed.
    """
    if "keras" not in sys.modules:
        if name := os.environ.get("KERAS_BACKEND"):
            check_choice("KERAS_BACKEND", name, BACKENDS)
        if needs:
            os.environ["KERAS_BACKEND"] = needs
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with _silent_stderr():
            try:
                import absl.logging
                import keras
            except (ImportError, ValueError) as error:
                where = f"KERAS_BACKEND, {name}," if name else '"backend" in keras.json'
                where = f"needs={needs!r}" if needs else where
                raise ImportError(f"the backend that {where} asks for cannot be imported: {error}") from error
            absl.logging.set_verbosity(absl.logging.ERROR)
            if keras.backend.backend() in BACKENDS:
                let_memory_grow()  # before a device is first used
                keras.distribution.list_devices()
            if keras.backend.backend() == "jax":
                import tensorflow as tf

                tf.config.set_visible_devices([], "GPU")
    keras = sys.modules["keras"]
    check_choice("the backend of Keras, set by KERAS_BACKEND or keras.json,", keras.backend.backend(), BACKENDS)
    if needs and keras.backend.backend() != needs:
        raise ValueError(
            f"this notebook needs Keras with {needs}, and Keras already runs with {keras.backend.backend()}: "
            "restart the kernel and run this cell first"
        )
    return keras


def chosen_backend() -> str:
    """The backend that Keras runs on, or will: KERAS_BACKEND, then keras.json, then TensorFlow."""
    if "keras" in sys.modules:
        return sys.modules["keras"].backend.backend()
    if name := os.environ.get("KERAS_BACKEND"):
        return name
    home = Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"))
    with suppress(OSError, ValueError, AttributeError):
        return json.loads((home / "keras.json").read_text(encoding="utf-8")).get("backend", "tensorflow")
    return "tensorflow"


def check_channels_last() -> None:
    """Raise ValueError unless Keras keeps the channels of an image last, as the course does."""
    if (found := quiet_keras().config.image_data_format()) != "channels_last":
        raise ValueError(
            f"image_data_format of Keras must be 'channels_last'; got {found!r} (from keras.json?). "
            "coursekit.start sets it, or keras.config.set_image_data_format"
        )


def say(text: str, *, end: str = "\n", file: TextIO | None = None) -> None:
    """Print; a console that cannot show the course's signs gets them in ASCII."""
    file = file or sys.stdout
    try:
        print(text, end=end, file=file, flush=True)
    except UnicodeEncodeError:
        print(text.translate(ASCII).encode("ascii", "replace").decode(), end=end, file=file, flush=True)


@contextmanager
def _silent_stderr():
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)

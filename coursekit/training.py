"""The set-up of a run: its seed, its device and its profile."""

import os
import platform
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from numbers import Integral
from types import ModuleType
from typing import TypeVar

__all__ = ["PROFILES", "Run", "profile", "quiet_keras", "start"]

PROFILES = ("quick", "full")
T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """What a notebook runs with.

    Attributes:
        seed: of every random choice in the notebook.
        profile: "quick" (2 cores, one minute) or "full" (the paper's sizes, with a GPU).
        device: in words, such as "CPU, 2 cores".
    """

    seed: int
    profile: str
    device: str

    def pick(self, *, quick: T, full: T) -> T:
        """The value for this run's profile: ``epochs = run.pick(quick=3, full=20)``."""
        return quick if self.profile == "quick" else full


def start(seed: int) -> Run:
    """Begin a run: seed Python, NumPy and Keras, choose the profile and say so in one line.

    Args:
        seed: any integer from 0 to 2**32 - 1; the same seed gives the same run.

    Raises:
        TypeError: seed is not an integer.
        ValueError: seed is out of range, or COURSEKIT_PROFILE is neither "quick" nor "full".
    """
    if not isinstance(seed, Integral) or isinstance(seed, bool):
        raise TypeError(f"seed must be an integer; got {seed!r}")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be in 0 ... 2**32 - 1; got {seed!r}")
    seed, chosen = int(seed), profile()

    from coursekit import __version__, data, plotting

    keras = quiet_keras()
    _prompt_epochs()
    keras.utils.set_random_seed(seed)
    plotting.use_style()
    run = Run(seed, chosen, _device())
    source = data.digits_source()
    print(
        f"coursekit {__version__}, Python {platform.python_version()}, Keras {keras.version()} "
        f"with {keras.backend.backend()} on {run.device} · profile {run.profile} · seed {run.seed} · "
        f"digits: {source.name} ({source.reason})"
    )
    return run


def profile() -> str:
    """"quick" or "full": what COURSEKIT_PROFILE says, else "full" where there is a GPU.

    Raises:
        ValueError: COURSEKIT_PROFILE is set to something else.
    """
    chosen = os.environ.get("COURSEKIT_PROFILE")
    if not chosen:
        return "full" if _gpus() else "quick"
    if chosen not in PROFILES:
        raise ValueError(f"COURSEKIT_PROFILE must be one of {', '.join(PROFILES)}; got {chosen!r}")
    return chosen


def _gpus() -> list[str]:
    return quiet_keras().distribution.list_devices("gpu")


def _device() -> str:
    gpus = _gpus()
    if gpus:
        return f"{len(gpus)} GPU" + "s" * (len(gpus) > 1)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"CPU, {cores} core" + "s" * (cores > 1)


def _prompt_epochs() -> None:
    """Take tf.data's autotuner out of the pipelines that `fit` makes of arrays.

    Where an epoch ends, the autotuner of TensorFlow 2.21 may miss that it is no longer needed and
    sleep on to its next turn, 10 (2^k - 1) ms after it began, with `fit` waiting for it: many an
    epoch of 5.2 s lasts 10.2 s. What arrives, and in which order, is the same without it.
    """
    try:
        from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
    except ImportError:  # of another Keras: only slower
        return
    original = ArrayDataAdapter.get_tf_dataset
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def get_tf_dataset(self):
        import tensorflow as tf

        options = tf.data.Options()
        options.autotune.enabled = False
        return original(self).with_options(options)

    ArrayDataAdapter.get_tf_dataset = get_tf_dataset


def quiet_keras() -> ModuleType:
    """Keras, with its backend woken up and none of their start-up messages.

    TensorFlow logs from C++ before any Python setting reaches it, so the first import runs with
    the process's standard error closed. Later it logs nothing below a fatal error: at the level of
    errors it also tells of graph optimisations that it had to leave out. What fails still raises.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _silent_stderr():
        import absl.logging
        import keras

        absl.logging.set_verbosity(absl.logging.ERROR)
        keras.distribution.list_devices("gpu")
    return keras


@contextmanager
def _silent_stderr():
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)

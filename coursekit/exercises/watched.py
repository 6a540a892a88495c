"""Calling what a student wrote: with a time limit, without its prints, and with its arguments looked after."""

import contextlib
import copy
import io
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

from coursekit.exercises.compare import in_words, same

__all__ = ["OutOfTime", "Printed", "Refused", "call", "time_limit"]


class OutOfTime(BaseException):
    """The time limit of a call is over. Not an Exception, so that neither ``except Exception`` nor a
    search for smaller failing cases holds it up."""


class Refused(Exception):
    """A call that gave no outcome, in words that fit after "... "."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` in the block once it has run for so long.

    A timer interrupts the main thread as Ctrl-C does: loops in Python and between NumPy calls stop, and so does
    waiting; one long call in C ends first. It asks again every half second, for code that catches everything.
    Off the main thread, where Python delivers no signal, there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    over, late = threading.Event(), threading.Event()

    def ring():
        if over.wait(seconds):
            return
        late.set()
        while not over.is_set():
            if hasattr(signal, "pthread_kill"):
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            else:
                signal.raise_signal(signal.SIGINT)  # Windows: it reaches the main thread
            over.wait(0.5)

    def interrupted(number, frame):
        if over.is_set():
            return
        if late.is_set():
            raise OutOfTime
        if callable(previous):  # the reader's own interrupt
            previous(number, frame)

    clock = threading.Thread(target=ring, daemon=True)
    previous = signal.signal(signal.SIGINT, interrupted)
    clock.start()
    try:
        yield
    finally:
        while not over.is_set():  # the bell may ring in this very line
            with contextlib.suppress(OutOfTime):
                over.set()
        clock.join()
        signal.signal(signal.SIGINT, previous)


@dataclass
class Printed:
    """How many characters the calls printed."""

    characters: int = 0


class _Counter(io.TextIOBase):
    def __init__(self, printed: Printed):
        self.printed = printed

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.printed.characters += len(text)
        return len(text)


def call(
    outcome: Callable[[Any, Mapping[str, Any]], Any],
    answer: Any,
    arguments: Mapping[str, Any],
    seconds: float,
    printed: Printed,
) -> Any:
    """outcome(answer, arguments) on copies of the arguments.

    Args:
        outcome: `Exercise.outcome`.
        answer: what the student wrote.
        arguments: by name.
        seconds: the limit.
        printed: counts what would have been printed.

    Raises:
        Refused: it raised, left Python, never came back from itself, or changed an argument.
        OutOfTime: as `time_limit`.
    """
    given = copy.deepcopy(dict(arguments))
    sink = _Counter(printed)
    try:
        with (
            time_limit(seconds),
            contextlib.redirect_stdout(sink),
            contextlib.redirect_stderr(sink),
            warnings.catch_warnings(action="ignore"),
        ):
            got = outcome(answer, given)
    except RecursionError:
        raise Refused("it calls itself without end") from None
    except SystemExit:
        raise Refused("it tries to leave Python") from None
    except NotImplementedError:
        return None
    except Exception as error:
        text = " ".join(str(error).split())
        raise Refused(f"{type(error).__name__}{': ' * bool(text)}{text[:160]}{_line(answer, error)}") from None
    for name, value in arguments.items():
        if not same(given[name], value, 0):
            raise Refused(f"it changes its argument {name}, to {in_words(given[name])}; work on a copy")
    return got


def _line(answer, error):
    """Where in the student's own function it happened, as a line of that function."""
    code = getattr(answer, "__code__", None)
    if not isinstance(code, CodeType):
        return ""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == code.co_filename]
    inside = [line - code.co_firstlineno + 1 for line in lines if line and line >= code.co_firstlineno]
    return f" (line {inside[0]} of {code.co_name})" if inside else ""

"""Run one function in several processes of this machine that train together.

    launch(train, processes=2, arguments={"steps": 20})

Each process is a fresh Python with Keras on JAX and one thread. `keras.distribution.initialize()` in
the function finds the others: the launcher sets the variables that it reads. The processes talk on
this machine, with the collectives (gloo) that JAX has for CPUs on Linux and macOS; gloo listens at the
address of the machine's own name.
"""

import builtins
import dis
import inspect
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from coursekit.checks import check_integer, check_number

__all__ = ["WorkerError", "launch"]

LAST_LINES = 20  # of a worker, that an error shows
LAST_WORDS = 2  # seconds for what a worker wrote to be read after its end
PATIENCE = 0.2  # seconds for a signal to be seen beside the errors of those that it cut off
NOT_NEEDED = ("tensorflow", "sklearn", "pandas", "matplotlib")  # Keras would import them: seconds, 200 MB a process
QUICK_COMPILER = "--xla_backend_optimization_level=0"  # XLA would spend longer on a program than it runs here
SPARING = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "1000000"}  # Linux: what is freed goes back at once


class WorkerError(RuntimeError):
    """A worker that died, raised or did not finish in time; the others were stopped.

    Attributes:
        process: its number; of those that did not finish in time, the first.
        status: its exit status, negative for the number of a signal; None for one that did not finish.
        lines: the last that it wrote.
    """

    def __init__(self, message: str, process: int, status: int | None, lines: Sequence[str]):
        super().__init__(message)
        self.process, self.status, self.lines = process, status, tuple(lines)


def launch(
    function: Callable,
    processes: int = 2,
    *,
    arguments: Mapping[str, Any] | None = None,
    using: Sequence[Callable] = (),
    seconds: float = 300,
    environment: Mapping[str, str] | None = None,
    without: Sequence[str] = NOT_NEEDED,
) -> list[Any]:
    """Run a function in several processes at once; what each of them returned, in their order.

    The processes get the text of the function, not its surroundings: it imports what it needs itself, and
    may call the functions in ``using``. All of them are stopped as soon as one fails, when the time is up
    and on Ctrl-C. Nothing stays behind: no process, no port, no file.

    Args:
        function: defined by ``def`` in a notebook or a file.
        processes: how many; the function sees its own number as `jax.process_index()`.
        arguments: keyword arguments of the function, the same in all processes; what JSON can write.
        using: other functions that it calls, on the same terms.
        seconds: the limit for all of it.
        environment: more variables for the processes, such as ``{"XLA_FLAGS": ""}`` for programs that
            run so long that it pays to optimise them.
        without: modules that cannot be imported there, so that Keras starts quickly; () for none.

    Returns:
        One value for each process, as JSON gives it back: lists for tuples and arrays.

    Raises:
        TypeError, ValueError: a function without a text or with names from outside, processes that is no
            integer >= 1, arguments that JSON cannot write, or seconds that is no number > 0.
        WorkerError: a process was killed, raised, or did not finish in time.
        OSError: on Windows, where JAX has no way for its processes to talk.
    """
    if not hasattr(os, "killpg"):
        raise OSError("launch needs Linux or macOS: JAX's processes cannot talk to each other on Windows")
    check_integer("processes", processes, at_least=1)
    check_number("seconds", seconds, positive=True)
    for name, value in (("using", using), ("without", without)):
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise TypeError(f"{name} must be a sequence, such as a list; got {value!r}")
    text = _program(function, using)
    try:
        text_of_arguments = json.dumps(dict(arguments or {}))
    except TypeError as error:
        raise TypeError(f"arguments must be what JSON can write; got {arguments!r}: {error}") from None
    with tempfile.TemporaryDirectory(prefix="coursekit-") as folder:
        folder = Path(folder)
        (folder / "program.py").write_text(text, encoding="utf-8")
        (folder / "arguments.json").write_text(text_of_arguments, encoding="utf-8")
        call = f"\n_work({function.__name__!r}, {tuple(without)!r})\n"
        (folder / "worker.py").write_text(WORKER + call, encoding="utf-8")
        port, workers, ends = _free_port(), [], queue.SimpleQueue()
        try:
            for number in range(processes):
                workers.append(_Worker(number, folder, _environment(number, processes, port, environment), ends))
            _wait(workers, ends, seconds)
        finally:
            for worker in workers:
                worker.kill()
            for worker in workers:
                worker.tidy()
        return [_result(worker, folder / f"{worker.number}.json") for worker in workers]


def _work(name, without):
    """What a worker does: the whole of its program, as text."""
    import json
    import os
    import runpy
    import shutil
    import signal
    import sys
    import threading
    import traceback
    from pathlib import Path

    folder = Path(__file__).parent

    def until_the_launcher_is_gone():
        os.read(0, 1)  # comes back with nothing when the pipe is closed
        shutil.rmtree(folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)  # itself and what it started: it leads a group of its own

    threading.Thread(target=until_the_launcher_is_gone, daemon=True).start()
    sys.modules.update(dict.fromkeys(without))  # an import of None raises ImportError
    try:
        function = runpy.run_path(str(folder / "program.py"))[name]
        result = function(**json.loads((folder / "arguments.json").read_text(encoding="utf-8")))
        text = json.dumps(result, default=lambda value: value.tolist())
        number = os.environ["KERAS_DISTRIBUTION_PROCESS_ID"]
        (folder / f"{number}.json").write_text(text, encoding="utf-8")
    except BaseException:
        traceback.print_exc()
        sys.stdout.flush()
        os._exit(1)  # at once: JAX would wait at the end for the others, who wait for this one


WORKER = inspect.getsource(_work)  # now: this file may be edited while it is in use


class _Worker:
    """A process, and a thread that reads what it writes and notices its end."""

    def __init__(self, number: int, folder: Path, environment: dict[str, str], ends: queue.SimpleQueue):
        self.number, self.ends, self.lines = number, ends, deque(maxlen=LAST_LINES)
        self.process = subprocess.Popen(
            [sys.executable, "-u", str(folder / "worker.py")],
            env=environment,
            stdin=subprocess.PIPE,  # its end tells the worker that this process is gone
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches this process alone
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.reader.start()
        self.watcher.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def _watch(self):
        status = self.process.wait()
        self.reader.join(LAST_WORDS)  # what left the group of the worker may hold the pipe for ever
        self.ends.put((self, status))

    def kill(self):
        """Kill it and what it started, whatever still runs."""
        with suppress(OSError):  # all gone
            os.killpg(self.process.pid, signal.SIGKILL)

    def tidy(self):
        """Wait for its end and put its pipes away."""
        self.watcher.join()
        self.process.stdin.close()
        if not self.reader.is_alive():
            self.process.stdout.close()


def _wait(workers: list[_Worker], ends: queue.SimpleQueue, seconds: float) -> None:
    """Until all workers have ended well; WorkerError at the first that did not."""
    running, end = set(workers), time.monotonic() + seconds
    while running:
        try:
            worker, status = ends.get(timeout=max(0, end - time.monotonic()))
        except queue.Empty:
            late = sorted(worker.number for worker in running)
            first = workers[late[0]]
            who = f"process {late[0]}" if len(late) == 1 else f"processes {', '.join(map(str, late))}"
            raise _error(f"{who} of {len(workers)} did not finish within {seconds:g} s", first, None) from None
        running.discard(worker)
        if status:
            worker, status = _culprit([(worker, status)], ends)
            raise _error(f"process {worker.number} of {len(workers)} {_in_words(status)}", worker, status)


def _culprit(failed: list, ends: queue.SimpleQueue) -> tuple[_Worker, int]:
    """The worker to blame: one that was killed, or else the first; the others lose it and fail in turn."""
    end = time.monotonic() + PATIENCE
    while (left := end - time.monotonic()) > 0:
        try:
            failed.append(ends.get(timeout=left))
        except queue.Empty:
            break
    killed = [each for each in failed if each[1] < 0 and -each[1] != signal.SIGABRT]  # JAX aborts where a peer is gone
    return (killed or [each for each in failed if each[1]])[0]


def _result(worker: _Worker, file: Path) -> Any:
    if not file.exists():
        raise _error(f"process {worker.number} ended before the function returned", worker, 0)
    return json.loads(file.read_text(encoding="utf-8"))


def _in_words(status):
    if status > 0:
        return f"ended with exit status {status}"
    return f"was killed by {signal.Signals(-status).name}"


def _error(what: str, worker: _Worker, status: int | None) -> WorkerError:
    lines = [line for line in worker.lines if line]
    said = "its last lines:\n" + textwrap.indent("\n".join(lines), "    ") if lines else "it wrote nothing"
    return WorkerError(f"{what}; {said}", worker.number, status, lines)


def _program(function: Callable, using: Sequence[Callable]) -> str:
    """The text of all functions."""
    functions = [function, *using]
    for each in functions:
        if not isinstance(each, FunctionType) or each.__name__ == "<lambda>":
            raise TypeError(f"function and using must be functions made by def; got {each!r}")
    known = {each.__name__ for each in functions} | set(vars(builtins))
    for each in functions:  # its text, with the defaults and decorators that its code object lacks
        code = compile(f"from __future__ import annotations\n{_text(each)}", "program", "exec")
        if foreign := sorted((_names_from_outside(code) | set(each.__code__.co_freevars)) - known):
            raise ValueError(
                f"{each.__name__} must import or define what it uses, or get it by arguments= or using=; "
                f"it takes {', '.join(foreign)} from outside"
            )
    return "from __future__ import annotations\n\n" + "\n\n".join(_text(each) for each in functions)


def _text(function):
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise ValueError(f"{function.__name__} must stand in a file or a notebook cell; its text: {error}") from None


def _names_from_outside(code: CodeType) -> set[str]:
    """Names that a function and those inside it take from around them."""
    steps = list(dis.get_instructions(code))
    names = {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    names -= {"__annotations__", *(step.argval for step in steps if step.opname == "STORE_NAME")}  # a class's own
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return names.union(*[_names_from_outside(each) for each in inner])


def _environment(number: int, processes: int, port: int, more: Mapping[str, str] | None) -> dict[str, str]:
    address = f"127.0.0.1:{port}"
    ours = {
        "KERAS_BACKEND": "jax",
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": str(processes),
        "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
        "JAX_PLATFORMS": "cpu",
        "JAX_CPU_COLLECTIVES_IMPLEMENTATION": "gloo",
        "JAX_COORDINATOR_BIND_ADDRESS": address,  # by default it would listen to the network
        "NPROC": "1",  # threads of JAX
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "XLA_FLAGS": QUICK_COMPILER,
        **SPARING,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONIOENCODING": "utf-8",
    }
    # JAX warns of any proxy: the processes could wait for each other behind it
    theirs = {name: value for name, value in os.environ.items() if "_proxy" not in name.lower()}
    return theirs | ours | dict(more or {})


def _free_port() -> int:
    """A port that nobody has now; whoever took it before process 0 does would make that one fail, in words."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]

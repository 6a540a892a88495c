"""Run notebooks in kernels of this Python or another, and measure what they take."""

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import nbformat
import psutil
import safely
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient
from traitlets import Unicode
from zmq import ZMQError

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
ATTEMPTS = 3  # to start a kernel


@dataclass
class Execution:
    """A finished run: its time, the kernel's peak memory, the first failure, if any, and the time of each code cell."""

    seconds: float
    megabytes: float
    failure: str | None
    cells: list[tuple[float, str]]  # seconds, and the cell's number and first line


class _Kernel(AsyncKernelManager):
    """Starts ipykernel in a given Python, whatever kernels the machine has registered."""

    python = Unicode()

    @property
    def kernel_spec(self):
        spec = get_kernel_dict(extra_arguments=["--log-level=ERROR"])
        spec["argv"][0] = self.python
        return KernelSpec(**spec)


def execute(
    notebook: nbformat.NotebookNode,
    folder: Path,
    *,
    keep_going: bool = False,
    python: str = sys.executable,
    environment: dict[str, str] | None = None,
) -> Execution:
    """Run all cells in place; stop at the first that raises unless ``keep_going``.

    Args:
        notebook: gets the outputs.
        folder: where the kernel runs.
        keep_going: run the cells after one that raises, too.
        python: the interpreter of the kernel, which needs ipykernel.
        environment: of the kernel; that of this process by default.

    Raises:
        KeyboardInterrupt: on Ctrl-C; the kernel and all that it started are dead by then.
    """
    options = {"keep_going": keep_going, "python": python, "environment": environment}
    [(_, execution)] = execute_each([notebook], folder, **options)
    return execution


def execute_each(
    notebooks: Sequence[nbformat.NotebookNode], folder: Path, *, at_once: int = 1, **options
) -> Iterator[tuple[int, Execution]]:
    """Run notebooks in place, several at once; gives the index and the run of each as it ends.

    Args:
        notebooks: get the outputs; they start in this order.
        folder: where the kernels run.
        at_once: how many run together.
        options: those of `execute`.

    Raises:
        KeyboardInterrupt: on Ctrl-C; the kernels and all that they started are dead by then.
    """
    waiting, running = deque(enumerate(notebooks)), {}
    try:
        while waiting or running:
            ended = [number for number, run in running.items() if run.ended.is_set()]
            runs = [running.pop(number) for number in ended]
            while waiting and len(running) < at_once:
                number, notebook = waiting.popleft()
                running[number] = _Run(notebook, folder, **options)
                running[number].start()
            for number, run in zip(ended, runs):
                yield number, run.execution()
            time.sleep(0.1)  # a join that Ctrl-C interrupts would take the thread for ended
    finally:
        for run in running.values():
            run.stop()


class _Run(threading.Thread):
    """A kernel's whole life, in a thread: there, nbclient leaves the signals alone."""

    def __init__(self, notebook, folder, keep_going=False, python=sys.executable, environment=None):
        super().__init__(daemon=True)
        self.notebook, self.python, self.environment = notebook, python, environment or dict(os.environ)
        self.options = {
            "timeout": None,
            "allow_errors": keep_going,
            "coalesce_streams": True,
            "resources": {"metadata": {"path": str(folder)}},
        }
        self.new_client()
        self.failure, self.peak, self.ended = None, 0.0, threading.Event()
        self.cancel, self.begun = None, time.monotonic()

    def new_client(self):
        self.client = NotebookClient(self.notebook, _Kernel(python=self.python), **self.options)
        self.kernel = self.client.km

    def run(self):
        threading.Thread(target=self.watch_memory, daemon=True).start()
        try:
            asyncio.run(self.life())
        except asyncio.CancelledError:
            self.failure = "stopped"
        except Exception as error:  # a cell that raised, or a kernel that died
            self.failure = f"{type(error).__name__}: {error}"
        finally:
            self.seconds = time.monotonic() - self.begun
            self.ended.set()

    def execution(self):
        """What the run took, once it has ended."""
        times = [cell.metadata.pop("execution", {}) for cell in self.notebook.cells]
        cells = [
            (_seconds(times[number]), _name(number, cell))
            for number, cell in enumerate(self.notebook.cells)
            if "shell.execute_reply" in times[number]
        ]
        return Execution(self.seconds, self.peak, _first_failure(self.notebook) or self.failure, cells)

    async def life(self):
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        self.cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            await self.begin()
            await self.client.async_execute()
        finally:
            with suppress(ZMQError):  # it did not live to be asked
                await self.kernel.shutdown_kernel()
            if self.client.kc:
                self.client.kc.stop_channels()

    async def begin(self):
        """Start a kernel and wait until it answers; its ports may be another program's by the time it takes them."""
        for left in reversed(range(ATTEMPTS)):
            try:
                # what cells write to stderr comes with their outputs; the rest is ipykernel's, as it ends
                await self.client.async_start_new_kernel(env=self.environment, stderr=subprocess.DEVNULL)
                return await self.client.async_start_new_kernel_client()
            except (RuntimeError, ZMQError) as error:  # it died; the second where nbclient could not tidy up after it
                if not left:
                    raise RuntimeError(f"the kernel died before it answered, {ATTEMPTS} times") from error
                self.new_client()

    @property
    def pid(self) -> int | None:
        """The process of the kernel, while there is one."""
        process = getattr(self.kernel.provisioner, "process", None)
        return process and process.pid

    def stop(self, patience=5):
        """Kill the kernel and all that it started, and wait until nbclient has put its own things away."""
        end = time.monotonic() + patience
        while not self.ended.wait(0.05) and time.monotonic() < end:
            if pid := self.pid:
                safely.kill(pid)
            if self.cancel:
                self.cancel()
                self.cancel = None

    def watch_memory(self):
        while not self.ended.wait(0.2):
            if pid := self.pid:
                with suppress(psutil.Error):  # already gone
                    self.peak = max(self.peak, megabytes(psutil.Process(pid)))


def megabytes(process: psutil.Process) -> float:
    """What a process and those that it started hold in memory: what is each one's own, and the files mapped.

    Libraries that several map are there once; counted are those of the process that maps most (on Linux;
    elsewhere all of each). A child that is just being forked still is its parent, and no memory of its own.
    """
    family, same = [process.memory_info()], process.cmdline()
    for child in process.children(recursive=True):
        with suppress(psutil.Error):  # already gone
            if child.cmdline() != same:
                family.append(child.memory_info())
    mapped = [getattr(each, "shared", 0) for each in family]
    return (sum(each.rss for each in family) - sum(mapped) + max(mapped)) / 1e6


def _first_failure(notebook) -> str | None:
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                return f"{_name(number, cell)}: {output.ename}: {output.evalue}"
    return None


def _name(number, cell):
    return f"cell {number + 1}, `{cell.source.lstrip().splitlines()[0]}`"


def _seconds(times):
    """From nbclient's record of a cell: when the kernel began and when it answered."""
    begun, ended = (datetime.fromisoformat(times[key]) for key in ("iopub.execute_input", "shell.execute_reply"))
    return (ended - begun).total_seconds()


def chosen(names: list[str]) -> list[Path]:
    """The notebooks whose number or name is given; all of them if none is.

    Raises:
        SystemExit: a name that no notebook begins with.
    """
    everything = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    if not names:
        return everything
    found = []
    for name in names:
        matches = [path for path in everything if path.stem == Path(name).stem or path.stem.startswith(f"{name}_")]
        if not matches:
            sys.exit(f"no notebook {name!r} in notebooks/; there are: {', '.join(path.stem for path in everything)}")
        found += matches
    return found


def longest_first(paths: list[Path]) -> list[Path]:
    """Notebooks by the time that their openings state: a long one that starts last would run alone."""

    def stated_seconds(path):
        stated = re.search(r"\*Running time:\* about (\d+) seconds", path.read_text(encoding="utf-8"))
        return int(stated[1]) if stated else 0

    return sorted(paths, key=stated_seconds, reverse=True)


def quiet_environment() -> None:
    """Keep debuggers' and kernels' start-up remarks out of the terminal."""
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

"""Run a notebook in a kernel of this very Python, and measure what it takes."""

import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"


@dataclass
class Execution:
    """A finished run: its time, the kernel's peak memory and the first failure, if any."""

    seconds: float
    megabytes: float
    failure: str | None


class _HereKernel(AsyncKernelManager):
    """Starts ipykernel in this interpreter, whatever kernels the machine has registered."""

    @property
    def kernel_spec(self):
        from ipykernel.kernelspec import get_kernel_dict
        from jupyter_client.kernelspec import KernelSpec

        return KernelSpec(**get_kernel_dict(extra_arguments=["--log-level=ERROR"]))


def execute(notebook: nbformat.NotebookNode, folder: Path, *, keep_going: bool = False) -> Execution:
    """Run all cells in place; stop at the first that raises unless ``keep_going``."""
    client = NotebookClient(
        notebook,
        kernel_manager_class=_HereKernel,
        timeout=None,
        allow_errors=True,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.allow_errors = keep_going
    failure, peak, done = None, [0.0], threading.Event()
    start = time.monotonic()
    watcher = threading.Thread(target=_watch_memory, args=(client, peak, done), daemon=True)
    watcher.start()
    try:
        client.execute()
    except Exception as error:  # a cell that raised, or a kernel that died
        failure = _first_failure(notebook) or f"{type(error).__name__}: {error}"
    finally:
        done.set()
        watcher.join()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    return Execution(time.monotonic() - start, peak[0], failure or _first_failure(notebook))


def _watch_memory(client, peak, done):
    while not done.wait(0.2):
        try:
            kernel = psutil.Process(client.km.provisioner.pid)
            processes = [kernel, *kernel.children(recursive=True)]
            peak[0] = max(peak[0], sum(process.memory_info().rss for process in processes) / 1e6)
        except (AttributeError, TypeError, psutil.Error):
            continue  # not started yet, or already gone


def _first_failure(notebook) -> str | None:
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                first_line = cell.source.lstrip().splitlines()[0]
                return f"cell {number}, `{first_line}`: {output.ename}: {output.evalue}"
    return None


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


def quiet_environment() -> None:
    """Keep debuggers' and kernels' start-up remarks out of the terminal."""
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

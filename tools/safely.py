"""What the tools share: they print on any console, stop at once when asked, and write files whole.

python tools/safely.py COMMAND ...    a command that Ctrl-C stops at once, with all that it started
"""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import nbformat
import psutil

STOPPED = 130  # the exit status of what Ctrl-C stopped


def run(main: Callable[[], int]) -> NoReturn:
    """Run a tool to its end; SIGTERM and a closed terminal stop it as Ctrl-C does, without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a console that is not UTF-8 shows "?" for what it lacks
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number and signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, signal.default_int_handler)
    try:
        status = main()
    except KeyboardInterrupt as stop:
        print(": ".join(["\nstopped", *map(str, stop.args)]), flush=True)
        status = STOPPED
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"\nthe disk is full: {error.filename or error}", flush=True)
        status = 1
    sys.exit(status)


def call(command: list[str], **options) -> int:
    """The exit status of a command, which no key reaches; if this process is interrupted, all of it is killed.

    Raises:
        KeyboardInterrupt: on Ctrl-C; the command and the processes it started are dead by then.
    """
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        try:
            return process.wait()
        except BaseException:
            kill(process.pid)
            raise


def kill(pid: int) -> None:
    """Kill a process and all that it started."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:  # the first one first: it would report the others
            with suppress(psutil.NoSuchProcess):
                each.kill()


def write(path: Path, text: str) -> None:
    """Write a file in UTF-8, the whole of it or nothing; its folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_notebook(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Store a notebook, the whole of it or nothing."""
    write(path, nbformat.writes(notebook).rstrip("\n") + "\n")


if __name__ == "__main__":
    run(lambda: call(sys.argv[1:]))

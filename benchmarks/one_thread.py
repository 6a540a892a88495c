"""A script's jobs, each in a process of its own with one thread, two at a time.

What is done is kept in build/bench/ until all is, so a benchmark that was stopped goes on where it was, if its
script is still the same.
"""

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

ENVIRONMENT = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "COURSEKIT_PROFILE": "full",
}
KEPT = Path(__file__).parents[1] / "build" / "bench"


def run(script: str, jobs: list[dict], at_once: int = 2, folder: Path = KEPT) -> list[dict]:
    """Call the script with each job as JSON; what it prints last, as JSON too, is that job's result."""
    code = hashlib.sha256(Path(script).read_bytes()).hexdigest()[:8]
    path, writing = folder / f"{Path(script).stem}-{code}.json", Lock()
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def result(job):
        name = json.dumps(job)
        if name not in kept:
            found = _run(script, job)
            with writing:
                kept[name] = found
                path.parent.mkdir(parents=True, exist_ok=True)
                unfinished = path.with_suffix(".tmp")
                unfinished.write_text(json.dumps(kept, indent=1), encoding="utf-8")
                unfinished.replace(path)
        return kept[name]

    with ThreadPoolExecutor(at_once) as pool:
        results = list(pool.map(result, jobs))
    path.unlink(missing_ok=True)
    return results


def _run(script, job):
    process = subprocess.run(
        [sys.executable, script, json.dumps(job)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | ENVIRONMENT,
    )
    result = json.loads(process.stdout.splitlines()[-1])
    print(f"{job}: {result}", flush=True)
    return result

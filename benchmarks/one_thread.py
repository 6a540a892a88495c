"""A script's jobs, each in a process of its own with one thread, two at a time."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ENVIRONMENT = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "COURSEKIT_PROFILE": "full",
}


def run(script: str, jobs: list[dict]) -> list[dict]:
    """Call the script with each job as JSON; what it prints last, as JSON too, is that job's result."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda job: _run(script, job), jobs))


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

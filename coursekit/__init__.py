"""The thin package behind the course notebooks.

``run = coursekit.start(seed=1)`` begins a notebook; ``claim(...)`` states one of its results.
The rest lives in three rooms for the three parts of the lecture, `coursekit.scratch`, `coursekit.vision`
and `coursekit.generative`, and in `coursekit.data`, `coursekit.plotting`, `coursekit.callbacks` and `coursekit.exercises`.
"""

from coursekit.claims import ClaimError, claim
from coursekit.run import Run, start

__version__ = "0.1.0"
__all__ = ["ClaimError", "Run", "claim", "start"]

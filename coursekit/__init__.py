"""The thin package behind the course notebooks.

``run = coursekit.start(seed=1)`` begins a notebook; ``claim(...)`` states one of its results.
The rest lives in `coursekit.data`, `coursekit.scratch`, `coursekit.plotting`, `coursekit.blocks`,
`coursekit.architectures`, `coursekit.generative`, `coursekit.augmentation` and `coursekit.callbacks`.
"""

from coursekit.claims import ClaimError, claim
from coursekit.training import Run, start

__version__ = "0.1.0"
__all__ = ["ClaimError", "Run", "claim", "start"]

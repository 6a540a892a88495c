"""Can this Python run the course? If not, say why in words; exit status 1.

Runs before anything is installed, and on Pythons that are too old.
"""

import platform
import sys

OLDEST, NEWEST = (3, 11), (3, 13)  # as requires-python in pyproject.toml


def reason() -> str:
    """Why this Python cannot run the course; empty if it can."""
    version = sys.version_info[:2]
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        return "TensorFlow has no release for Macs with an Intel processor; README.md has links that open Colab"
    if OLDEST <= version <= NEWEST:
        return ""
    bounds = f"{_dotted(OLDEST)} to {_dotted(NEWEST)}"
    if version < OLDEST:
        return f"the course needs Python {bounds}, and this is {_dotted(version)}. Try: make lab PYTHON=python3.12"
    return (
        f"TensorFlow has no release for Python {_dotted(version)} yet; the course needs Python {bounds}. "
        "Try: make lab PYTHON=python3.12"
    )


def _dotted(version):
    return ".".join(map(str, version))


if __name__ == "__main__":
    sys.exit(reason() or 0)

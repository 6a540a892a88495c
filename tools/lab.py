"""Open the notebooks in JupyterLab, or one of them as slides whose cells run.

    python tools/lab.py                  all of them
    python tools/lab.py --present 04     this one as slides; Shift+Enter runs a cell on its slide

Further options go to `jupyter lab`. The settings are those of tools/jupyter/, beside the user's own, which win;
notebooks/rise.css has the sizes of the slides. Needs the extra `lab`.
"""

import argparse
import os
import sys

import safely
from execution import NOTEBOOKS, ROOT, chosen

SETTINGS = ROOT / "tools" / "jupyter"


def environment() -> dict[str, str]:
    """The environment of the JupyterLab: the course's settings and extension, and sliders that move."""
    paths = {
        name: os.pathsep.join(filter(None, [str(SETTINGS), os.environ.get(name)]))
        for name in ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH")
    }
    return os.environ | paths | {"COURSEKIT_SLIDERS": "on"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--present", metavar="NOTEBOOK", help="the number or name of one notebook")
    arguments, options = parser.parse_known_args()
    if arguments.present == "":
        sys.exit("Which notebook? For example: make present NOTEBOOK=04")
    if arguments.present:
        (path,) = chosen([arguments.present])
        options = [f"--LabApp.default_url=/rise/{path.name}", *options]
    os.chdir(NOTEBOOKS)
    os.execve(sys.executable, [sys.executable, "-m", "jupyterlab", *options], environment())


if __name__ == "__main__":
    safely.run(main)

"""Open every deck in headless Chromium: which slides do not fit 1280 x 720, and which are shrunk?

    python tools/check_slides.py [NOTEBOOK ...] [--pictures FOLDER]

Needs Chromium on the PATH and the decks of `make course` or `make slides`. With --pictures it also
saves each slide, and each page as one long picture. Exit status 1 if a slide overflows or a formula
cannot be drawn.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import browser
import safely
from execution import ROOT, chosen

FLAGS = [*browser.FLAGS, "--hide-scrollbars", "--virtual-time-budget=20000"]
UNTYPESET = re.compile(r'<body[^>]*\buntypeset|data-mjx-error="|mathcolor="red"')
SMALLEST = 0.75  # a slide shrunk below this is hard to read from the last row


def chromium(*arguments: str) -> str:
    program = browser.chromium() or sys.exit("Chromium is not on the PATH")
    with tempfile.TemporaryDirectory() as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", *arguments]
        return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=180).stdout


def slides(deck: Path) -> list[tuple[str, float, int]]:
    """For each slide its address in the deck, its scale and by how many pixels it overflows."""
    dom = chromium("--window-size=1280,720", "--dump-dom", deck.as_uri())
    if 'data-fitted="yes"' not in dom:
        sys.exit(f"{deck.name}: the deck did not start")
    if UNTYPESET.search(dom):
        sys.exit(f"{deck.name}: a formula could not be drawn")
    found, horizontal, vertical, depth = [], -1, 0, 0
    for tag in re.findall(r"<section[^>]*>|</section>", dom):
        if tag == "</section>":
            depth -= 1
            continue
        depth += 1
        horizontal, vertical = (horizontal + 1, -1) if depth == 1 else (horizontal, vertical + 1)
        if scale := re.search(r'data-scale="([\d.]+)"', tag):
            overflow = int(re.search(r'data-overflow="(\d+)"', tag).group(1))
            found.append((f"{horizontal}/{max(vertical, 0)}", float(scale.group(1)), overflow))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*")
    parser.add_argument("--pictures", type=Path, help="save a picture of every slide and page here")
    arguments = parser.parse_args()
    overflowing = 0
    for path in chosen(arguments.notebooks):
        deck = ROOT / "build" / "slides" / f"{path.stem}.html"
        found = slides(deck)
        print(f"{path.stem}: {len(found)} slides, smallest scale {min(scale for _, scale, _ in found)}")
        for address, scale, overflow in found:
            overflowing += overflow > 0
            if overflow or scale < SMALLEST:
                print(f"    slide {address}: scale {scale}, {overflow} px too tall")
        if arguments.pictures:
            folder = arguments.pictures / path.stem
            folder.mkdir(parents=True, exist_ok=True)
            for address, *_ in found:
                target = folder / f"slide-{address.replace('/', '-')}.png"
                chromium("--window-size=1280,720", f"--screenshot={target}", f"{deck.as_uri()}#/{address}")
            page = ROOT / "build" / "pages" / f"{path.stem}.html"
            chromium("--window-size=1000,14000", f"--screenshot={folder / 'page.png'}", page.as_uri())
    return int(overflowing > 0)


if __name__ == "__main__":
    safely.run(main)

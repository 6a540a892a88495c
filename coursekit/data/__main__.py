"""``python -m coursekit.data`` prepares the digits, characters and photographs that the notebooks will use."""

from coursekit.data import load_characters, load_digits
from coursekit.data.pets import prepare_pets

for load, drawn in ((load_digits, "stroke_digits"), (load_characters, "stroke_characters")):
    for source in ("auto", drawn):
        for split in ("train", "test"):
            load(split, source=source)
prepare_pets()

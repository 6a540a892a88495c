"""``python -m coursekit.data`` prepares the digits, characters and photographs that the notebooks will use."""

from coursekit.data import load_characters, load_digits
from coursekit.data.pets import prepare_pets

for source in ("auto", "stroke_digits"):
    for split in ("train", "test"):
        load_digits(split, source=source)
        load_characters(split, source=source)
prepare_pets()

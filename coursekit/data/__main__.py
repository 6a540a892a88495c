"""``python -m coursekit.data`` prepares the digits that the notebooks will use."""

from coursekit.data import load_digits

for source in ("auto", "stroke_digits"):
    for split in ("train", "test"):
        load_digits(split, source=source)

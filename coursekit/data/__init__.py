"""The course's data: real sets through TensorFlow Datasets, and stand-ins that need no network."""

from coursekit.data.digits import DigitsSource, digits_source, load_digits, stream_digits
from coursekit.data.folders import DataError
from coursekit.data.pets import Photographs, load_pets, pets_source, stream_pets
from coursekit.data.stroke_digits import draw_digits

__all__ = [
    "DataError",
    "DigitsSource",
    "Photographs",
    "digits_source",
    "draw_digits",
    "load_digits",
    "load_pets",
    "pets_source",
    "stream_digits",
    "stream_pets",
]

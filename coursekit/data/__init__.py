"""The course's data: real sets through TensorFlow Datasets, and stand-ins that need no internet connection."""

from coursekit.data.characters import Characters, characters_source, load_characters
from coursekit.data.digits import DigitsSource, digits_source, load_digits, stream_digits
from coursekit.data.drawn_pets import draw_pets
from coursekit.data.folders import DataError
from coursekit.data.pets import Photographs, load_pets, pets_source, stream_pets
from coursekit.data.scenes import Scenes, load_scenes
from coursekit.data.series import sliding_windows
from coursekit.data.stroke_characters import draw_characters
from coursekit.data.stroke_digits import draw_digits

__all__ = [
    "Characters",
    "DataError",
    "DigitsSource",
    "Photographs",
    "Scenes",
    "characters_source",
    "digits_source",
    "draw_characters",
    "draw_digits",
    "draw_pets",
    "load_characters",
    "load_digits",
    "load_pets",
    "load_scenes",
    "pets_source",
    "sliding_windows",
    "stream_digits",
    "stream_pets",
]

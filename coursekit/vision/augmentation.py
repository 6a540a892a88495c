"""Distorted copies of training images: more examples for nothing."""

import math
from typing import Any

import keras
from keras import KerasTensor, ops

__all__ = ["RandomDistortion"]


@keras.saving.register_keras_serializable("coursekit")
class RandomDistortion(keras.layers.Layer):
    """A random planar affine map of each image, while training: turned, sheared, scaled, squeezed and
    shifted (LeCun et al. 1998, section III.A, "planar affine transformations").

    The first layer of a model; it does nothing at test time. One interpolation, so one blur, for all
    five at once.

    Args:
        rotation: largest angle in degrees.
        shear: largest horizontal shift per unit of height.
        scale: largest change of size, as a share.
        squeeze: largest change of width alone, as a share.
        shift: largest translation in pixels, along each axis.
        fill_value: the background that comes in at the border.
        seed: of the maps; None for one drawn from Keras' global seed.

    Raises:
        ValueError: a negative range, or a scale or squeeze of 1 and more.

    Images in and out: (batch, height, width, channels).
    """

    def __init__(
        self,
        rotation: float = 10.0,
        shear: float = 0.15,
        scale: float = 0.1,
        squeeze: float = 0.1,
        shift: float = 1.5,
        fill_value: float = 0.0,
        seed: int | None = None,
        **options: Any,
    ):
        super().__init__(**options)
        self.ranges = {"rotation": rotation, "shear": shear, "scale": scale, "squeeze": squeeze, "shift": shift}
        for name, largest in self.ranges.items():
            if not 0 <= largest < (1 if name in ("scale", "squeeze") else math.inf):
                raise ValueError(f"{name} must be >= 0, scale and squeeze also < 1; got {largest!r}")
        self.fill_value, self.seed = fill_value, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: KerasTensor, training: bool = False) -> KerasTensor:
        """Distorted images while training, else the images themselves."""
        return self.distort(images) if training else images

    def distort(self, images: KerasTensor) -> KerasTensor:
        """Map each image by a matrix of its own: out(x, y) = image(a x + b y + c, d x + e y + f)."""
        batch, height, width, _ = ops.shape(images)
        draw = {
            name: keras.random.uniform((batch,), -largest, largest, seed=self.seed_generator)
            for name, largest in self.ranges.items()
            if name != "shift"
        }
        shift_x, shift_y = (
            keras.random.uniform((batch,), -self.ranges["shift"], self.ranges["shift"], seed=self.seed_generator)
            for _ in "xy"
        )
        angle, scale, squeeze = draw["rotation"] * math.pi / 180, 1 + draw["scale"], 1 + draw["squeeze"]
        cos, sin, shear = ops.cos(angle), ops.sin(angle), draw["shear"]
        a, b = scale * squeeze * cos, scale * (shear * cos - sin)  # turned after sheared, squeezed and scaled
        d, e = scale * squeeze * sin, scale * (shear * sin + cos)
        x, y = ((ops.cast(side, angle.dtype) - 1) / 2 for side in (width, height))  # the middle stays
        c, f = x - a * x - b * y + shift_x, y - d * x - e * y + shift_y
        matrix = ops.stack([a, b, c, d, e, f, ops.zeros_like(a), ops.zeros_like(a)], axis=1)
        return ops.image.affine_transform(
            images,
            matrix,
            interpolation="bilinear",
            fill_mode="constant",
            fill_value=self.fill_value,
            data_format="channels_last",
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """That of the input."""
        return input_shape

    def get_config(self) -> dict:
        """What `keras.Model.save` keeps."""
        return super().get_config() | self.ranges | {"fill_value": self.fill_value, "seed": self.seed}

"""What a network costs, counted without building it in full."""

import math
from collections.abc import Callable
from typing import Any

from keras import Model, layers

from coursekit.keras_internals import variables_without_values

__all__ = ["blueprint", "count_operations"]


def blueprint(builder: Callable[..., Model], *arguments: Any, **options: Any) -> Model:
    """``builder(*arguments, **options)`` without memory for the weights: to count and to draw, not to run.

    VGG16 takes 0.5 GB and seconds to fill; its blueprint takes milliseconds.
    """
    with variables_without_values():
        return builder(*arguments, **options)


def count_operations(model: Model) -> int:
    """Multiply-adds that a model needs for one example: those of its convolutions and dense layers.

    A convolution computes height · width · filters outputs, each a sum of f · f · c / groups products,
    or of f · f in a depthwise one.
    Additions of biases, activations, normalisations and pooling are not counted, as in the papers. A layer
    or a model that is called several times, such as the encoder of `siamese`, counts once.

    Raises:
        ValueError: a model or a layer whose size depends on the input, or a layer with a kernel of another kind.
    """
    if not model.built:
        raise ValueError(f"model must begin with keras.Input, so that its shapes are known; got {model!r}")
    operations = 0
    for layer in model.layers:
        if isinstance(layer, Model):
            operations += count_operations(layer)
        elif isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)):
            outputs = layer.output.shape[1:]
            if None in outputs:
                raise ValueError(f"model must have a fixed input_shape; the output of {layer.name} is {outputs}")
            summed = layer.kernel.shape[: 2 if isinstance(layer, layers.DepthwiseConv2D) else -1]
            operations += math.prod((*outputs, *summed))
        elif any(len(weight.shape) > 1 for weight in layer.weights):
            raise ValueError(
                f"model may have weight matrices in Conv2D, DepthwiseConv2D and Dense layers only; "
                f"{layer.name} is a {type(layer).__name__}"
            )
    return operations

"""Siamese networks and one-shot tasks (slide "Siamese Network - OneShotLearning").

G. Koch, R. Zemel, R. Salakhutdinov, "Siamese neural networks for one-shot image recognition", ICML deep
learning workshop 2015.
"""

from typing import NamedTuple

import numpy as np
from keras import Model, layers, ops

from coursekit.checks import check_array, check_integer
from coursekit.vision.architectures import check_network

__all__ = ["OneShotTasks", "one_shot_tasks", "siamese", "siamese_encoder"]

FILTERS = ((64, 10), (128, 7), (128, 4), (256, 4))  # Koch et al. 2015, figure 4: filters and their side


def siamese_encoder(
    input_shape: tuple[int, int, int] = (105, 105, 1), features: int = 4096, *, name: str = "siamese_encoder"
) -> Model:
    """The branch of Koch et al. 2015, figure 4, from an image to its features: 38,947,648 parameters.

    Convolutions of 64 filters of 10 x 10, 128 of 7 x 7, 128 of 4 x 4 and 256 of 4 x 4, without padding,
    each with ReLU; 2 x 2 max-pooling after the first three; a dense layer with a sigmoid.

    Args:
        input_shape: (height, width, channels), at least 65 x 65 pixels.
        features: outputs of the dense layer, >= 1.

    Raises:
        ValueError, TypeError: input_shape is not three integers or too small, features out of range, or
            Keras is set to channels first.
    """
    check_network(input_shape, 1, True, smallest=65)
    check_integer("features", features, at_least=1)
    image = layers.Input(input_shape, name="image")
    x = image
    for number, (filters, side) in enumerate(FILTERS, start=1):
        x = layers.Conv2D(filters, side, activation="relu", name=f"conv{number}")(x)
        if number < len(FILTERS):
            x = layers.MaxPooling2D(name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(features, activation="sigmoid", name="features")(x)
    return Model(image, x, name=name)


def siamese(
    input_shape: tuple[int, int, int] = (105, 105, 1),
    *,
    encoder: Model | None = None,
    classifier_activation: str | None = "sigmoid",
    name: str = "siamese",
) -> Model:
    """The network of Koch et al. 2015: do two images show the same? 38,951,745 parameters.

    One encoder reads both images, so that its weights are shared; a dense layer with one output weighs the
    distances |h(a) - h(b)| of each feature (L1).

    Args:
        input_shape: (height, width, channels) of an image; not needed with an encoder.
        encoder: from an image to a vector of features; `siamese_encoder` by default.
        classifier_activation: "sigmoid" for the probability of the same class, None for the score itself.

    Returns:
        A model from two images, a list of two arrays (batch, height, width, channels), to (batch, 1).

    Raises:
        ValueError, TypeError: as `siamese_encoder`, or an encoder that has not one image as its input and
            one vector of features as its output.
    """
    if encoder is None:
        encoder = siamese_encoder(input_shape)
    if not isinstance(encoder, Model):
        raise TypeError(f"encoder must be a keras.Model; got {encoder!r}")
    if not encoder.built:
        raise ValueError(f"encoder must begin with keras.Input, so that its shapes are known; got {encoder!r}")
    if len(encoder.inputs) != 1 or len(encoder.outputs) != 1 or len(encoder.output_shape) != 2:
        raise ValueError(
            "encoder must lead from one image to one vector of features; "
            f"got inputs {[tensor.shape for tensor in encoder.inputs]}, "
            f"outputs {[tensor.shape for tensor in encoder.outputs]}"
        )
    first, second = (layers.Input(encoder.input_shape[1:], name=which) for which in ("first", "second"))
    difference = layers.Subtract(name="difference")([encoder(first), encoder(second)])
    same = layers.Dense(1, activation=classifier_activation, name="same")(ops.abs(difference))
    return Model([first, second], same, name=name)


class OneShotTasks(NamedTuple):
    """N-way k-shot tasks, as numbers of examples.

    Attributes:
        support: (tasks, ways, shots) int64, the examples whose class is known; row j is of the task's class j.
        query: (tasks, ways) int64, one further example of each of these classes: entry j is of class j.
    """

    support: np.ndarray
    query: np.ndarray


def one_shot_tasks(
    labels: np.ndarray, ways: int = 20, shots: int = 1, *, tasks: int = 100, seed: int = 0
) -> OneShotTasks:
    """The same tasks for every rival: for each, ``ways`` classes, ``shots`` known examples and one query of each.

    A query is never among the known examples of its task. The classes, the queries and the first known
    examples do not depend on ``shots``.

    Args:
        labels: the class of each example, (n,).
        ways: classes in a task, >= 2.
        shots: known examples of each class, >= 1.
        tasks: how many, >= 1.
        seed: of the choice, >= 0.

    Raises:
        ValueError, TypeError: a number out of range or no integer, more ways than classes, or a class with
            no more than ``shots`` examples.
    """
    labels = check_array("labels", labels, ())
    check_integer("ways", ways, at_least=2)
    check_integer("shots", shots, at_least=1)
    check_integer("tasks", tasks, at_least=1)
    check_integer("seed", seed, at_least=0)
    classes, counts = np.unique(labels, return_counts=True)
    if ways > len(classes):
        raise ValueError(f"ways must be at most {len(classes)}, the number of classes; got {ways}")
    if shots >= counts.min():
        raise ValueError(
            f"shots must be at most {counts.min() - 1}, for class {classes[counts.argmin()]!r} has "
            f"{counts.min()} examples and one is the query; got {shots}"
        )
    examples = np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])
    generator = np.random.default_rng(seed)
    drawn = [
        [generator.permutation(examples[c])[: shots + 1] for c in generator.choice(len(classes), ways, replace=False)]
        for _ in range(tasks)
    ]
    drawn = np.array(drawn)
    return OneShotTasks(drawn[..., 1:], drawn[..., 0])

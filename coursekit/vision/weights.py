"""Weights that others have published, in the architectures of the course."""

from keras import Model

__all__ = ["copy_weights"]


def copy_weights(source: Model, target: Model) -> None:
    """Copy the weights of every layer of ``source`` into the layer of the same name of ``target``.

    So the weights that Keras publishes serve here:
    ``copy_weights(keras.applications.ResNet50(weights="imagenet"), resnet50())``.

    Raises:
        ValueError: the layers with weights differ in name or shape; nothing is changed then.
    """
    shapes = [
        {layer.name: [tuple(w.shape) for w in layer.weights] for layer in model.layers if layer.weights}
        for model in (source, target)
    ]
    if differing := sorted(
        name for name in shapes[0].keys() | shapes[1].keys() if shapes[0].get(name) != shapes[1].get(name)
    ):
        name = differing[0]
        raise ValueError(
            f"source and target must have the same layers; {len(differing)} differ, such as {name!r}: "
            f"{shapes[0].get(name, 'absent')} in source, {shapes[1].get(name, 'absent')} in target"
        )
    for name in shapes[0]:
        target.get_layer(name).set_weights(source.get_layer(name).get_weights())

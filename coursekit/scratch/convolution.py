"""Convolution and pooling (slides "Convolution layer" to "Pooling layer").

Images have the shape (batch, height, width, channels), filters (f, f, channels, n). Deep learning
says convolution and computes a cross-correlation: the filter is not turned around.
"""

import numpy as np

__all__ = ["convolution", "convolution_parameters", "max_pooling", "mean_pooling", "output_size"]


def output_size(size: int, f: int, padding: int = 0, stride: int = 1) -> int:
    """floor((h + 2 p - f) / s) + 1: how many places a window of f pixels finds along h pixels.

    Raises:
        ValueError: a filter larger than the padded image, or sizes out of range.
    """
    if size < 1 or f < 1 or stride < 1 or padding < 0:
        raise ValueError(
            f"size, f and stride must be >= 1 and padding >= 0; got size={size!r}, f={f!r}, "
            f"stride={stride!r}, padding={padding!r}"
        )
    if f > size + 2 * padding:
        raise ValueError(f"f must be at most the padded size, {size + 2 * padding}; got {f!r}")
    return (size + 2 * padding - f) // stride + 1


def convolution_parameters(f: int, channels: int, n: int) -> int:
    """(f · f · c + 1) · n: a filter of f x f x c weights and a bias for each of n output channels."""
    return (f * f * channels + 1) * n


def convolution(
    images: np.ndarray, filters: np.ndarray, bias: np.ndarray | float = 0.0, *, padding: int = 0, stride: int = 1
) -> np.ndarray:
    """Slide every filter over every image; at each place, the sum of products, plus the bias.

    Args:
        images: (batch, height, width, channels).
        filters: (f, f, channels, n).
        bias: (n,), or one number.
        padding: p zeros on each side.
        stride: s, the step of the window.

    Returns:
        (batch, new height, new width, n), as `output_size` says.

    Raises:
        ValueError: arrays of other shapes, or sizes that `output_size` refuses.
    """
    if images.ndim != 4 or filters.ndim != 4 or images.shape[-1] != filters.shape[2]:
        raise ValueError(
            "images must have the shape (batch, height, width, channels) and filters "
            f"(f, f, channels, n); got {images.shape} and {filters.shape}"
        )
    if np.shape(bias) not in ((), (filters.shape[-1],)):
        raise ValueError(f"bias must be one number or have the shape ({filters.shape[-1]},); got {np.shape(bias)}")
    if padding < 0:
        raise ValueError(f"padding must be >= 0; got {padding!r}")
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    return np.einsum("bijcmn,mnck->bijk", _windows(padded, filters.shape[:2], stride), filters, optimize=True) + bias


def max_pooling(images: np.ndarray, f: int = 2, *, stride: int | None = None) -> np.ndarray:
    """The largest value of each f x f patch, channel by channel; by default the patches do not overlap.

    Args and shapes are those of `convolution`; Raises ValueError as there.
    """
    return _patches(images, f, stride).max(axis=(-2, -1))


def mean_pooling(images: np.ndarray, f: int = 2, *, stride: int | None = None) -> np.ndarray:
    """The mean of each f x f patch; all else as `max_pooling`."""
    return _patches(images, f, stride).mean(axis=(-2, -1))


def _patches(images, f, stride):
    """The windows of pooling."""
    if np.ndim(images) != 4:
        raise ValueError(f"images must have the shape (batch, height, width, channels); got {np.shape(images)}")
    return _windows(images, (f, f), f if stride is None else stride)


def _windows(images, shape, stride):
    """Every place of the window: (batch, new height, new width, channels, rows, columns), a view."""
    for size, f in zip(images.shape[1:3], shape):
        output_size(size, f, stride=stride)  # raises if it does not fit
    return np.lib.stride_tricks.sliding_window_view(images, shape, axis=(1, 2))[:, ::stride, ::stride]

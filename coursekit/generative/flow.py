"""Normalising flows: an invertible network from data to noise, whose likelihood is exact.

With z = f(x) and z ~ N(0, I): log p(x) = log N(f(x); 0, I) + log |det df/dx|.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops

from coursekit.checks import check_integer, check_sizes
from coursekit.generative.checked_model import CheckedModel, in_batches
from coursekit.generative.vae import normal_log_density

__all__ = ["AffineCoupling", "RealNVP"]

LARGEST_LOG_SCALE = 2.0  # of one coupling: exp(s) stays between e^-2 and e^2, so that floats invert well


@keras.saving.register_keras_serializable("coursekit")
class AffineCoupling(layers.Layer):
    """y = x · exp(s) + t, with s and t of the coordinates that stay (Dinh, Sohl-Dickstein & Bengio 2017,
    section 3.2): y = b x + (1 - b) (x exp(s(b x)) + t(b x)) for a mask b of zeros and ones.

    The Jacobian is triangular: log |det dy/dx| = sum of s. Begins as the identity.

    Args:
        dim: coordinates of x, at least 2.
        parity: 0 if the coordinates 0, 2, 4, ... stay, 1 if the others do.
        hidden: widths of the network for s and t.
        activation: of its layers.

    Raises:
        ValueError: a dim below 2, a parity that is neither 0 nor 1, or widths below 1.
    """

    def __init__(
        self, dim: int, parity: int = 0, hidden: Sequence[int] = (64, 64), *, activation: str = "relu", **options: Any
    ):
        super().__init__(**options)
        check_integer("dim", dim, at_least=2)
        if parity not in (0, 1):
            raise ValueError(f"parity must be 0 or 1; got {parity!r}")
        check_sizes(hidden=hidden)
        self.dim, self.parity, self.hidden, self.activation = dim, parity, tuple(hidden), activation
        self.stays = np.arange(dim) % 2 == parity  # the mask b
        self.network = keras.Sequential(
            [
                layers.Input((dim,)),
                *[layers.Dense(width, activation=activation) for width in hidden],
                layers.Dense(2 * dim, kernel_initializer="zeros"),
            ]
        )
        self.built = True

    def log_scale_and_shift(self, x: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
        """s and t, each (batch, dim), 0 where x stays."""
        s, t = ops.split(self.network(ops.where(self.stays, x, 0)), 2, axis=-1)
        s = LARGEST_LOG_SCALE * ops.tanh(s / LARGEST_LOG_SCALE)
        return ops.where(self.stays, 0, s), ops.where(self.stays, 0, t)

    def call(self, x: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
        """y, (batch, dim), and log |det dy/dx|, (batch,)."""
        s, t = self.log_scale_and_shift(x)
        return x * ops.exp(s) + t, ops.sum(s, axis=-1)

    def inverse(self, y: KerasTensor) -> KerasTensor:
        """x, from y: (batch, dim) -> (batch, dim)."""
        s, t = self.log_scale_and_shift(y)
        return (y - t) * ops.exp(-s)

    def get_config(self) -> dict:
        """What `keras.Model.save` keeps."""
        return super().get_config() | {
            "dim": self.dim,
            "parity": self.parity,
            "hidden": self.hidden,
            "activation": self.activation,
        }


@keras.saving.register_keras_serializable("coursekit")
class RealNVP(CheckedModel):
    """Affine couplings one after another, the coordinates that stay alternating (Dinh et al. 2017).

    ``model.fit(x)`` minimises the negative log-likelihood, which is "loss", in nats per example.
    ``model(x)`` is log p(x). Data should be centred and scaled to about 1.

    Args:
        dim: coordinates of an example, at least 2.
        couplings: how many; at least 2, so that every coordinate moves.
        hidden, activation: of the network in each coupling.
        name: of the model.

    Raises:
        ValueError: as `AffineCoupling`, or fewer than 2 couplings.
    """

    def __init__(
        self,
        dim: int,
        couplings: int = 6,
        hidden: Sequence[int] = (64, 64),
        *,
        activation: str = "relu",
        name: str = "real_nvp",
        **options: Any,
    ):
        super().__init__(name=name, **options)
        check_integer("dim", dim, at_least=2)
        check_integer("couplings", couplings, at_least=2)
        self.dim, self.activation = dim, activation
        self.example_shape = (dim,)
        self.couplings = [
            AffineCoupling(dim, number % 2, hidden, activation=activation, name=f"coupling{number + 1}")
            for number in range(couplings)
        ]
        self.built = True

    def forward(self, x: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
        """z = f(x), (batch, dim), and log |det df/dx|, (batch,)."""
        z, log_det = ops.cast(x, self.compute_dtype), 0.0
        for coupling in self.couplings:
            z, more = coupling(z)
            log_det += more
        return z, log_det

    def inverse(self, z: KerasTensor) -> KerasTensor:
        """x = f^{-1}(z): (batch, dim) -> (batch, dim)."""
        x = ops.cast(z, self.compute_dtype)
        for coupling in reversed(self.couplings):
            x = coupling.inverse(x)
        return x

    def call(self, x: KerasTensor) -> KerasTensor:
        """log p(x): (batch, dim) -> (batch,)."""
        z, log_det = self.forward(x)
        return normal_log_density(self.to_loss_dtype(z)) + self.to_loss_dtype(log_det)

    def compute_loss(
        self,
        x: KerasTensor = None,
        y: KerasTensor | None = None,
        y_pred: KerasTensor = None,
        sample_weight: KerasTensor | None = None,
        training: bool = True,
    ) -> KerasTensor:
        """-log p(x), a mean over the batch."""
        return sum(self.losses, start=-ops.mean(y_pred))

    def log_prob(self, x: np.ndarray, batch_size: int = 8192) -> np.ndarray:
        """log p(x), exactly and in nats: (n, dim) -> (n,). Raises ValueError as `check`."""
        return in_batches(self, self.check(x), batch_size)

    def sample(self, n: int, seed: int | None = None, batch_size: int = 8192) -> np.ndarray:
        """f^{-1} of n samples of N(0, I): -> (n, dim). Raises ValueError for n below 1."""
        check_integer("n", n, at_least=1)
        return in_batches(self.inverse, keras.random.normal((n, self.dim), seed=seed), batch_size)

    def get_config(self) -> dict:
        """What `keras.Model.save` keeps."""
        return super().get_config() | {
            "dim": self.dim,
            "couplings": len(self.couplings),
            "hidden": self.couplings[0].hidden,
            "activation": self.activation,
        }

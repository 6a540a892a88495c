"""Models that describe data without labels: `keras.Model` classes with compile, fit, evaluate and save.

Read in this order: `autoencoder`, `vae`, `flow`, `gan`; `guards` holds what they refuse, and `StopOnNaN`.

Each brings its own loss: ``model.compile("adam")``, then ``model.fit(x)`` with images alone. Losses
and likelihoods are sums over the pixels of an image and means over the images, in nats.
Functions that training is made of (``model(x)``, ``flow.forward``, `reparameterize`, ...) take and
return tensors, and gradients pass through them. Methods that answer questions (``encode``,
``reconstruct``, ``generate``, ``log_prob``, ...) check their input, work in batches and return
NumPy arrays.
"""

from coursekit.generative.autoencoder import (
    Autoencoder,
    batch_jacobian,
    contractive_penalty,
    contractive_penalty_of_sigmoid_layer,
    convolutional_decoder,
    convolutional_encoder,
    corrupt,
    dense_decoder,
    dense_encoder,
    gradient,
)
from coursekit.generative.checked_model import StopOnNaN
from coursekit.generative.evaluation import frechet_distance
from coursekit.generative.flow import AffineCoupling, RealNVP
from coursekit.generative.gan import GAN, InfoGAN, convolutional_discriminator, convolutional_generator
from coursekit.generative.vae import VariationalAutoencoder, kl_to_standard_normal, normal_log_density, reparameterize

__all__ = [
    "Autoencoder",
    "batch_jacobian",
    "contractive_penalty",
    "contractive_penalty_of_sigmoid_layer",
    "convolutional_decoder",
    "convolutional_encoder",
    "corrupt",
    "dense_decoder",
    "dense_encoder",
    "gradient",
    "AffineCoupling",
    "RealNVP",
    "StopOnNaN",
    "GAN",
    "InfoGAN",
    "convolutional_discriminator",
    "convolutional_generator",
    "frechet_distance",
    "VariationalAutoencoder",
    "kl_to_standard_normal",
    "normal_log_density",
    "reparameterize",
]

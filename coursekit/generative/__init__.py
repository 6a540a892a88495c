"""Models that describe data without labels: `keras.Model` classes with compile, fit, evaluate and save.

Read in this order: `networks`, `autoencoder`, `vae`, `flow`, `gan`, `infogan`; `checked_model` holds what
they share, `gradients` what Keras leaves to its backend.

Each brings its own loss: ``model.compile("adam")``, then ``model.fit(x)`` with images alone. Losses
and likelihoods are sums over the pixels of an image and means over the images, in nats.
Functions that training is made of (``model(x)``, ``flow.forward``, `reparameterize`, ...) take and
return tensors, and gradients pass through them. Methods that answer questions (``encode``,
``reconstruct``, ``generate``, ``log_prob``, ...) check their input, work in batches and return
NumPy arrays.
"""

from coursekit.generative.autoencoder import Autoencoder, contractive_penalty, corrupt
from coursekit.generative.flow import AffineCoupling, RealNVP
from coursekit.generative.gan import GAN
from coursekit.generative.gradients import batch_jacobian, gradient, weight_gradients
from coursekit.generative.infogan import InfoGAN
from coursekit.generative.networks import (
    convolutional_decoder,
    convolutional_discriminator,
    convolutional_encoder,
    convolutional_generator,
    dense_decoder,
    dense_encoder,
)
from coursekit.generative.vae import VariationalAutoencoder, kl_to_standard_normal, normal_log_density, reparameterize

__all__ = [
    "GAN",
    "AffineCoupling",
    "Autoencoder",
    "InfoGAN",
    "RealNVP",
    "VariationalAutoencoder",
    "batch_jacobian",
    "contractive_penalty",
    "convolutional_decoder",
    "convolutional_discriminator",
    "convolutional_encoder",
    "convolutional_generator",
    "corrupt",
    "dense_decoder",
    "dense_encoder",
    "gradient",
    "kl_to_standard_normal",
    "normal_log_density",
    "reparameterize",
    "weight_gradients",
]

"""The shortest script that trains the VAE for one step: TensorFlow, the networks, one tf.function.

python -m benchmarks.bare on|off      # XLA
"""

import os
import sys

import keras
import numpy as np
import tensorflow as tf

from losses import VAE_loss
from models.vae import networks_28

LATENTS, IMAGES = 100, 64


def main(xla):
    """Makes a step on a batch of black images."""
    encoder, decoder = networks_28((28, 28, 1), LATENTS)
    optimizer = keras.optimizers.Adam(1e-3)
    weights = encoder.trainable_variables + decoder.trainable_variables
    optimizer.build(weights)

    @tf.function(jit_compile=xla == 'on')
    def step(images):
        with tf.GradientTape() as tape:
            mean, std = encoder(images)
            noise = tf.random.normal([IMAGES, LATENTS])
            loss = VAE_loss(images, decoder(mean + std * noise), mean, std)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    step(tf.constant(np.zeros([IMAGES, 28, 28, 1], np.float32))).numpy()


if __name__ == '__main__':
    main(sys.argv[1])
    os._exit(0)  # as its rival leaves: the end of the process is not measured

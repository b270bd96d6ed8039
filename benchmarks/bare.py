"""The shortest script that trains the VAE for one step: TensorFlow, the networks, one tf.function.

benchmarks/startup.py runs it, with an argument for XLA, on or off.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from benchmarks.stages import leave, reach
from losses import VAE_loss
from models.vae import networks_28

LATENTS, IMAGES = 100, 64


def main(xla):
    """Makes a step on a batch of black images."""
    reach('TensorFlow and Keras')
    encoder, decoder = networks_28((28, 28, 1), LATENTS)
    optimizer = keras.optimizers.Adam(1e-3)
    weights = encoder.trainable_variables + decoder.trainable_variables
    optimizer.build(weights)
    reach('networks')

    @tf.function(jit_compile=xla == 'on')
    def step(images):
        with tf.GradientTape() as tape:
            mean, std = encoder(images)
            noise = tf.random.normal([IMAGES, LATENTS])
            loss = VAE_loss(images, decoder(mean + std * noise), mean, std)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    step(tf.constant(np.zeros([IMAGES, 28, 28, 1], np.float32))).numpy()
    reach('first step')


if __name__ == '__main__':
    main(sys.argv[1])
    leave()

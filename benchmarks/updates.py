"""The update of each network as TensorFlow's tutorials write it: GradientTape and Keras' Adam.

Networks, rates, losses and the order of moves are those of the project's models: VAE and PixelCNN
have one loss, the GAN's players move in turn, a DCGAN's at once. The project's loop draws the
GAN's samples again for the second player; here, as a user would write it, they are drawn once.
"""

import keras
import tensorflow as tf

from losses import GAN_loss_without_labels, VAE_loss, reconstruction_error
from models.shared.adversarial import AdversarialModel
from models.shared.noise import layers_draw_from


class Update:
    """A step on a batch of images in the model's range."""

    def __init__(self, model):
        self.model = model
        self.optimizers = {name: plain(own) for name, own in model.optimizers().items()}
        for player, optimizer in self.optimizers.items():
            optimizer.build(model.network(player).trainable_variables)
        self.shape = model.latents(1, 0).shape[1:]  # of the noise of an image

    def step(self, images):
        """Draws noise and makes a step; returns the loss of the last player."""
        seed = tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)
        with layers_draw_from(seed):  # drop-outs
            return self.apply(images, *self.draws(images))

    def draws(self, images):
        """The random numbers of a step."""
        return [self.noise([tf.shape(images)[0], *self.shape])]

    def move(self, player, loss, tape):
        """Lets Keras' Adam move a player against the gradient of its loss."""
        variables = self.model.network(player).trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizers[player].apply_gradients(zip(gradients, variables, strict=True))


class OneLoss(Update):
    """One player, one loss: the VAE."""

    noise = staticmethod(tf.random.normal)

    def apply(self, images, noise):
        """A step by this noise; returns the loss."""
        with tf.GradientTape() as tape:
            mean, std = self.model.encoder(images, training=True)
            logits = self.model.decoder(mean + std * noise, training=True)
            loss = VAE_loss(images, logits, mean, std)
        self.move('vae', loss, tape)
        return loss


class Pixelwise(Update):
    """The PixelCNN: one player, one loss, of pixels that noise makes black and white."""

    noise = staticmethod(tf.random.uniform)

    def apply(self, images, noise):
        """A step by this noise; returns the loss."""
        images = tf.cast(noise < images, images.dtype)
        with tf.GradientTape() as tape:
            logits = self.model.logits(images)
            loss = tf.reduce_mean(reconstruction_error(images, logits))
        self.move('pixelcnn', loss, tape)
        return loss


class InTurn(Update):
    """The GAN: the discriminator moves, then the generator against the one that has moved."""

    def noise(self, shape):
        """Uniform in [-1, 1)."""
        return tf.random.uniform(shape, -1.0, 1.0)

    def draws(self, images):
        """That of the generator, and the instance noise on data and samples."""
        deviation = self.model.instance_noise(self.optimizers['discriminator'].iterations)
        seen = (tf.random.normal(tf.shape(images), stddev=deviation) for _ in range(2))
        return [*super().draws(images), *seen]

    def apply(self, images, noise, true_noise, fake_noise):
        """A step by this noise; returns the generator's loss."""
        model = self.model
        with tf.GradientTape() as g_tape:
            fake = model.generator(noise, training=True) + fake_noise
        with tf.GradientTape() as d_tape:
            true_logit = model.discriminator(images + true_noise, training=True)
            fake_logit = model.discriminator(fake, training=True)
            d_loss, _ = GAN_loss_without_labels(true_logit, fake_logit)
        self.move('discriminator', d_loss, d_tape)
        with g_tape:  # goes on recording
            fake_logit = model.discriminator(fake, training=True)
            _, g_loss = GAN_loss_without_labels(true_logit, fake_logit)
        self.move('generator', g_loss, g_tape)
        return g_loss


class AtOnce(Update):
    """The tutorial's DCGAN: both players move at once, on normal noise."""

    noise = staticmethod(tf.random.normal)

    def apply(self, images, noise):
        """A step by this noise; returns the generator's loss."""
        model = self.model
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake = model.generator(noise, training=True)
            true_logit = model.discriminator(images, training=True)
            fake_logit = model.discriminator(fake, training=True)
            d_loss, g_loss = GAN_loss_without_labels(true_logit, fake_logit)
        self.move('generator', g_loss, g_tape)
        self.move('discriminator', d_loss, d_tape)
        return g_loss


class Uniformly(AtOnce):
    """The project's DCGAN: the same on noise that is uniform in [-1, 1)."""

    noise = InTurn.noise


def update_of(model):
    """The update of a model by who moves: one player, several in turn, or all at once."""
    if len(model.players) == 1:
        return (OneLoss if model.offers('encode') else Pixelwise)(model)
    if model.alternate:
        return InTurn(model)
    return (Uniformly if isinstance(model, AdversarialModel) else AtOnce)(model)


def plain(optimizer):
    """Keras' own Adam with the settings of the project's."""
    return keras.optimizers.Adam.from_config(optimizer.get_config())


def batches(images, value_range, batch_size):
    """The tutorials' tf.data: float32 in memory, shuffled; the last, partial batch is dropped.

    Its autotuning is off: there is nothing to tune here, and at the end of an epoch its thread can
    keep the loop waiting for up to 41 seconds.
    """
    low, high = value_range
    images = images.astype('float32') * ((high - low) / 255) + low
    data = tf.data.Dataset.from_tensor_slices(images)
    options = tf.data.Options()
    options.autotune.enabled = False
    return data.shuffle(len(images)).batch(batch_size, drop_remainder=True).with_options(options)

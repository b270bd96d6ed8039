"""Every loss of the project: pure functions of tensors, one equation and one source each.

Losses take logits, sum over the dimensions of one example and average over the batch.
"""

import tensorflow as tf


def sum_per_example(values):
    """Sums (N, ...) over all axes but the first: (N,)."""
    return tf.reduce_sum(tf.reshape(values, [tf.shape(values)[0], -1]), axis=1)


def kl_from_standard_normal(mean, std):
    """KL(N(mean, std^2) || N(0, I)) of each example, in nats.

    Kingma & Welling 2014, appendix B: 1/2 sum(mean^2 + std^2 - log std^2 - 1).

    Args:
      mean, std: (N, D), any real values; a negative std counts as its absolute value.

    Returns:
      (N,). The smallest normal number stands in for a variance of zero, where the
      divergence is infinite, so that value and gradient stay finite.
    """
    variance = tf.square(std)
    log_variance = tf.math.log(tf.maximum(variance, variance.dtype.as_numpy_dtype(_TINY)))
    return 0.5 * sum_per_example(tf.square(mean) + variance - log_variance - 1.0)


def reconstruction_error(true_images, logits, kind='bernoulli'):
    """Distance of each image from its reconstruction sigmoid(logits), summed over pixels.

    Args:
      true_images: (N, H, W, C) in [0, 1].
      logits: (N, H, W, C), any real values.
      kind: 'bernoulli', the negative log-likelihood in nats of Kingma & Welling 2014,
        appendix C.1: -x log p - (1 - x) log(1 - p); 'l2', (x - p)^2; or 'l1', |x - p|.

    Returns:
      (N,).

    Raises:
      ValueError: for another kind.
    """
    if kind == 'bernoulli':
        pixels = tf.nn.sigmoid_cross_entropy_with_logits(labels=true_images, logits=logits)
    elif kind == 'l2':
        pixels = tf.square(true_images - tf.sigmoid(logits))
    elif kind == 'l1':
        pixels = tf.abs(true_images - tf.sigmoid(logits))
    else:
        raise ValueError(f"reconstruction is 'bernoulli', 'l2' or 'l1', not {kind!r}")
    return sum_per_example(pixels)


def VAE_loss(
    true_images,
    logits,
    mean,
    std,
    kl_weight=1.0,
    reconstruction_weight=1.0,
    reconstruction='bernoulli',
):
    """The post's VAE loss: lambda_1 KL + lambda_2 reconstruction, averaged over the batch.

    With both weights 1 and 'bernoulli' it is the negative of the evidence lower bound
    (Kingma & Welling 2014, eq. 10), in nats. Shapes as in `kl_from_standard_normal` and
    `reconstruction_error`; a scalar comes back.
    """
    kl = kl_from_standard_normal(mean, std)
    error = reconstruction_error(true_images, logits, reconstruction)
    return tf.reduce_mean(kl_weight * kl + reconstruction_weight * error)


def GAN_loss_without_labels(true_logit, fake_logit):
    """The GAN losses of Goodfellow et al. 2014, the generator's in its non-saturating form.

    Section 3: d = -log D(x) - log(1 - D(G(z))), g = -log D(G(z)), with D = sigmoid(logit);
    written with softplus, which does not overflow.

    Args:
      true_logit, fake_logit: (N,) or (N, 1), the discriminator's logits of data and samples.

    Returns:
      (d_loss, g_loss), scalars, both to be minimised.
    """
    d_loss = tf.reduce_mean(tf.nn.softplus(-true_logit)) + tf.reduce_mean(
        tf.nn.softplus(fake_logit)
    )
    return d_loss, tf.reduce_mean(tf.nn.softplus(-fake_logit))


def GAN_loss_with_labels(true_logit, fake_logit, labels):
    """The post's label GAN: the discriminator is a classifier that must not know the samples.

    d: softmax cross-entropy of the true logits with the labels plus that of the fake logits
    with `1 - labels`; g: that of the fake logits with the labels. `1 - labels` is the post's
    own choice; it sums to K - 1, so it weighs as K - 1 targets, not as a distribution.

    Args:
      true_logit, fake_logit: (N, K).
      labels: (N, K), one-hot.

    Returns:
      (d_loss, g_loss), scalars, both to be minimised.
    """
    true_loss = tf.reduce_mean(softmax_cross_entropy(labels, true_logit))
    fake_loss = tf.reduce_mean(softmax_cross_entropy(1.0 - labels, fake_logit))
    return true_loss + fake_loss, tf.reduce_mean(softmax_cross_entropy(labels, fake_logit))


def softmax_cross_entropy(targets, logits):
    """-sum targets log softmax(logits) of each example: (N,), of two (N, K).

    The targets may have any sum; the gradient of TensorFlow's own kernel holds for a sum of 1 only.
    """
    return -sum_per_example(targets * tf.nn.log_softmax(logits))


_TINY = 1.1754944e-38  # the smallest normal float32: smaller ones may be flushed to zero

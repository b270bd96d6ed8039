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
    """Distance of each image x from its reconstruction p = sigmoid(logits), summed over pixels.

    Args:
      true_images: (N, H, W, C) in [0, 1].
      logits: (N, H, W, C), any real values.
      kind: 'bernoulli', -x log p - (1 - x) log(1 - p), of Kingma & Welling 2014, appendix C.1: the
        negative log-likelihood of black and white pixels; of grey ones a cross-entropy and no
        likelihood. 'l2', (x - p)^2, and 'l1', |x - p|: negative log-densities of grey pixels less
        a constant, of a Gaussian of variance 1/2 (log(pi) / 2 a pixel) and of a Laplace
        distribution of scale 1 (log 2 a pixel).

    Returns:
      (N,) in nats.

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


def levels_error(true_images, logits):
    """Negative log-likelihood of the levels of each image's pixels, summed over pixels.

    van den Oord, Kalchbrenner & Kavukcuoglu 2016 (arXiv:1601.06759), section 3.2: each number of a
    pixel is one of 256 classes.

    Args:
      true_images: (N, H, W, C), multiples of 1 / 255 from 0 to 1.
      logits: (N, H, W, C, 256), any real values.

    Returns:
      (N,) in nats.
    """
    levels = tf.cast(tf.round(true_images * 255.0), tf.int32)
    return sum_per_example(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=levels, logits=logits)
    )


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

    With both weights 1 it is the negative of the evidence lower bound (Kingma & Welling 2014,
    eq. 10), in nats, of what `reconstruction_error` says of each kind: a bound on a likelihood for
    'bernoulli' and black and white pixels alone. Shapes as in `kl_from_standard_normal` and
    `reconstruction_error`; a scalar comes back.
    """
    kl = kl_from_standard_normal(mean, std)
    error = reconstruction_error(true_images, logits, reconstruction)
    return tf.reduce_mean(kl_weight * kl + reconstruction_weight * error)


def minimax_loss(true_logit, fake_logit, real_target=1.0):
    """The value of the game of Goodfellow et al. 2014, eq. 1, which both players see.

    d = -log D(x) - log(1 - D(G(z))), g = log(1 - D(G(z))), with D = sigmoid(logit). Where the
    discriminator is sure, the gradient of g vanishes (section 3).

    Args:
      true_logit, fake_logit: (N,) or (N, 1), the discriminator's logits of data and samples.
      real_target: in [0, 1], the probability that D is to give the data. Below 1 it smooths the
        labels on one side (Salimans et al. 2016, section 3.4); the samples' target stays 0.

    Returns:
      (d_loss, g_loss), scalars, both to be minimised.
    """
    d_loss = discriminator_cross_entropy(true_logit, fake_logit, real_target)
    return d_loss, -tf.reduce_mean(tf.nn.softplus(fake_logit))


def non_saturating_loss(true_logit, fake_logit, real_target=1.0):
    """The same game with the generator's loss of section 3: g = -log D(G(z)).

    Arguments and results as in `minimax_loss`.
    """
    d_loss = discriminator_cross_entropy(true_logit, fake_logit, real_target)
    return d_loss, tf.reduce_mean(tf.nn.softplus(-fake_logit))


GAN_loss_without_labels = non_saturating_loss  # as the post calls it


def discriminator_cross_entropy(true_logit, fake_logit, real_target):
    """-t log D(x) - (1 - t) log(1 - D(x)) - log(1 - D(G(z))), t = real_target: a scalar.

    Written with softplus, which does not overflow: log(1 - D) is log D minus the logit.
    """
    true_loss = tf.nn.softplus(-true_logit)
    if real_target != 1.0:
        true_loss += (1.0 - real_target) * true_logit
    return tf.reduce_mean(true_loss) + tf.reduce_mean(tf.nn.softplus(fake_logit))


def least_squares_loss(true_logit, fake_logit):
    """Least squares of Mao et al. 2017 (arXiv:1611.04076), eq. 9, with a = 0 and b = c = 1.

    d = 1/2 (D(x) - 1)^2 + 1/2 D(G(z))^2, g = 1/2 (D(G(z)) - 1)^2; here D is the logit itself.

    Args:
      true_logit, fake_logit: (N,) or (N, 1).

    Returns:
      (d_loss, g_loss), scalars, both to be minimised.
    """
    true_loss = tf.reduce_mean(tf.square(true_logit - 1.0))
    d_loss = 0.5 * (true_loss + tf.reduce_mean(tf.square(fake_logit)))
    return d_loss, 0.5 * tf.reduce_mean(tf.square(fake_logit - 1.0))


def hinge_loss(true_logit, fake_logit):
    """The hinge loss of Lim & Ye 2017 (arXiv:1705.02894).

    d = max(0, 1 - D(x)) + max(0, 1 + D(G(z))), g = -D(G(z)); here D is the logit itself.

    Args:
      true_logit, fake_logit: (N,) or (N, 1).

    Returns:
      (d_loss, g_loss), scalars, both to be minimised.
    """
    true_loss = tf.reduce_mean(tf.nn.relu(1.0 - true_logit))
    d_loss = true_loss + tf.reduce_mean(tf.nn.relu(1.0 + fake_logit))
    return d_loss, -tf.reduce_mean(fake_logit)


def wasserstein_loss(true_logit, fake_logit):
    """The dual form of Arjovsky et al. 2017 (arXiv:1701.07875), eq. 2.

    d = D(G(z)) - D(x), g = -D(G(z)); D, the critic, gives any real number. Of all critics whose
    slope is 1 at most, the best has -d equal to the earth mover's distance.

    Args:
      true_logit, fake_logit: (N,) or (N, 1).

    Returns:
      (d_loss, g_loss), scalars, both to be minimised.
    """
    fake_mean = tf.reduce_mean(fake_logit)
    return fake_mean - tf.reduce_mean(true_logit), -fake_mean


def gradient_penalty(critic, true_images, fake_images, share, target=1.0):
    """The penalty of Gulrajani et al. 2017 (arXiv:1704.00028), eq. 3, without its weight.

    The mean of (|gradient of D at x'| - target)^2 with x' = a x + (1 - a) G(z), a uniform in
    [0, 1): one number an example, and one norm an example, over all axes of its image.

    Args:
      critic: images -> (N,) or (N, 1).
      true_images, fake_images: (N, ...), of any rank.
      share: (N, 1, ...), the numbers a, of as many axes as the images.
      target: the norm that is not penalised.

    Returns:
      A scalar. The smallest normal number stands in for the square of a norm of zero, where the
      root has no slope, so that the gradient stays finite.
    """
    between = share * true_images + (1.0 - share) * fake_images
    with tf.GradientTape() as tape:
        tape.watch(between)
        value = critic(between)
    squares = sum_per_example(tf.square(tape.gradient(value, between)))
    norm = tf.sqrt(tf.maximum(squares, squares.dtype.as_numpy_dtype(_TINY)))
    return tf.reduce_mean(tf.square(norm - target))


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


def auxiliary_classifier_loss(true_logit, fake_logit, true_classes, fake_classes, labels):
    """The auxiliary classifier GAN of Odena et al. 2017 (arXiv:1610.09585), section 3.

    d = -(L_S + L_C), g = L_S - L_C: L_S is the log-likelihood of the right source, with the
    generator's part turned round as in `non_saturating_loss`; L_C that of the right class, of data
    and samples. Both players raise L_C; of the generator's only the part of the samples is left.

    Args:
      true_logit, fake_logit: (N,) or (N, 1), logits that an image is from the data.
      true_classes, fake_classes: (N, K), logits of the classes.
      labels: (N, K), one-hot, of the data, and what the samples were to be.

    Returns:
      (d_loss, g_loss), scalars, both to be minimised.
    """
    d_loss, g_loss = non_saturating_loss(true_logit, fake_logit)
    true_error = tf.reduce_mean(softmax_cross_entropy(labels, true_classes))
    fake_error = tf.reduce_mean(softmax_cross_entropy(labels, fake_classes))
    return d_loss + true_error + fake_error, g_loss + fake_error


def semi_supervised_loss(labelled_logits, labels, unlabelled_logits, fake_logits):
    """The classifier's two losses in Salimans et al. 2016 (arXiv:1606.03498), section 5.

    The K + 1 classes, K of the data and one for samples, take the form of K logits: that of the
    last class is 0. So an image is from the data with the odds Z, the sum of exp(logit) over the K
    classes, and D(x) = Z / (Z + 1) = sigmoid(log Z). The halves of the second loss are those of the
    authors' code; the paper's text has none.

    Args:
      labelled_logits: (N, K), of images with labels.
      labels: (N,), integers, their classes.
      unlabelled_logits, fake_logits: (M, K), of other images of the data and of samples.

    Returns:
      (supervised, unsupervised), scalars: -log p(y given x, not a sample), and
      -1/2 log D(x) - 1/2 log(1 - D(G(z))).
    """
    targets = tf.one_hot(labels, labelled_logits.shape[1], dtype=labelled_logits.dtype)
    supervised = tf.reduce_mean(softmax_cross_entropy(targets, labelled_logits))
    d_loss, _ = minimax_loss(data_logit(unlabelled_logits), data_logit(fake_logits))
    return supervised, 0.5 * d_loss


def data_logit(logits):
    """log Z of logits (N, K) of K classes: the logit of not being a sample, (N,)."""
    return tf.reduce_logsumexp(logits, axis=1)


def feature_matching_loss(true_features, fake_features):
    """Distance of the mean features of data and samples: a loss for the generator.

    Salimans et al. 2016 (arXiv:1606.03498), section 3.1; averaged over the features, as in the
    authors' code, where the paper sums.

    Args:
      true_features, fake_features: (N, ...) and (M, ...), of a layer of the discriminator.

    Returns:
      A scalar.
    """
    gap = tf.reduce_mean(true_features, 0) - tf.reduce_mean(fake_features, 0)
    return tf.reduce_mean(tf.square(gap))


def feature_reconstruction_error(true_features, fake_features):
    """Distance of each image x from its reconstruction x~ by the features F of a network.

    Larsen et al. 2016 (arXiv:1512.09300), section 2.3: -log N(F(x); F(x~), I), less the constant.

    Args:
      true_features, fake_features: (N, ...), F(x) and F(x~).

    Returns:
      (N,) in nats, |F(x) - F(x~)|^2 / 2.
    """
    return 0.5 * sum_per_example(tf.square(true_features - fake_features))


def historical_averaging_loss(variables, averages):
    """Squared distance of a player's parameters from the mean of their past values.

    Salimans et al. 2016 (arXiv:1606.03498), section 3.3: a term of each player's cost.

    Args:
      variables, averages: lists of tensors of equal shapes.

    Returns:
      A scalar, summed over all numbers.
    """
    # Not tf.square: each process folds the constants of its gradient in an order of its own.
    pairs = zip(variables, averages, strict=True)
    return 2.0 * tf.add_n([tf.nn.l2_loss(now - tf.stop_gradient(mean)) for now, mean in pairs])


def softmax_cross_entropy(targets, logits):
    """-sum targets log softmax(logits) of each example: (N,), of two (N, K).

    The targets may have any sum; the gradient of TensorFlow's own kernel holds for a sum of 1 only.
    """
    return -sum_per_example(targets * tf.nn.log_softmax(logits))


_TINY = 1.1754944e-38  # the smallest normal float32: smaller ones may be flushed to zero

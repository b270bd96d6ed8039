"""Nats an image as bits a dimension, which can be compared between image sizes."""

import math


def bits_per_dimension(nats, image_shape):
    """`nats` over the H W C dimensions of `image_shape` and log 2 (Theis et al. 2016, section 3.1).

    It is the length of a code only where `nats` are of a likelihood: of black and white pixels, or
    of the 256 values of 8 bits.
    """
    return nats / (math.prod(image_shape) * math.log(2.0))

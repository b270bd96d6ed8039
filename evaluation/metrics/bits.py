"""Nats an image as bits a dimension, which can be compared between image sizes."""

import math


def bits_per_dimension(nats, image_shape):
    """`nats` over the H W C dimensions of `image_shape` and log 2 (Theis et al. 2016, section 3.1).

    On pixels of 8 bits it is the length of a code only for a likelihood of these 256 values.
    """
    return nats / (math.prod(image_shape) * math.log(2.0))

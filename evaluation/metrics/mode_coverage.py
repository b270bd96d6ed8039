"""Which classes a generator draws, how evenly, and how surely they can be told."""

from typing import NamedTuple

import numpy as np


class Coverage(NamedTuple):
    """Histogram of the classes, number of classes present, KL from the data's, sure share."""

    histogram: list
    present: int
    kl: float
    sure: float


def mode_coverage(probabilities, data_labels, confidence=0.9, share=0.01):
    """Mode coverage of samples by the class probabilities that a classifier gives them.

    The reverse of the KL divergence used here is infinite as soon as one class is missing;
    KL(samples || data) is finite, as in the mode score family (Che et al. 2017, arXiv:1612.02136)
    and in PacGAN (Lin et al. 2018, section 4.1, arXiv:1712.04086).

    Args:
      probabilities: (N, K), rows sum to 1.
      data_labels: (M,) integers in 0..K-1, labels of real data, every class among them.
      confidence: a sample counts as sure when its largest probability is at least this.
      share: a class counts as present where at least this share of all samples are sure to be of
        it, so that neither noise nor one picture that might be anything draws a class.

    Returns:
      A `Coverage`; `kl` in nats, `sure` in [0, 1].
    """
    classes = probabilities.shape[1]
    likeliest = probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1) >= confidence
    histogram = np.bincount(likeliest, minlength=classes)
    surely = np.bincount(likeliest[sure], minlength=classes) / len(probabilities)
    drawn = histogram / histogram.sum()
    data = np.bincount(data_labels, minlength=classes) / len(data_labels)
    present = int(np.sum(surely >= share))
    return Coverage(histogram.tolist(), present, kl_of_shares(drawn, data), float(sure.mean()))


def kl_of_shares(drawn, data):
    """KL(drawn || data), in nats, of shares (K,) of classes; no class of the data has a share of 0.

    A class that is not drawn adds nothing, the limit of x log x.
    """
    some = drawn > 0
    return float(np.sum(drawn[some] * np.log(drawn[some] / data[some])))

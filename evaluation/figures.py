"""Figures of the evaluation: neighbours, nearest pairs, the information in each code dimension."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import pictures
from support.files import atomic


def draw_neighbours(path, samples, images, found):
    """Writes a table with one line per sample: its nearest images in pixels and in features.

    Args:
      path: of the PNG.
      samples: (N, H, W, C) uint8.
      images: (M, H, W, C) uint8, from which the neighbours are taken.
      found: (distances, indices), each (N, k), in pixels and in features.

    Raises:
      InputError: the file cannot be written.
    """
    titles, lines, captions = ['sample'], [[s] for s in samples], [[''] for _ in samples]
    for kind, (distances, indices) in zip(('pixels', 'features'), found, strict=True):
        titles += [f'{kind} {rank}' for rank in range(1, indices.shape[1] + 1)]
        for i in range(len(samples)):
            lines[i] += list(images[indices[i]])
            captions[i] += [f'{distance:.2f}' for distance in distances[i]]
    labels = [str(i + 1) for i in range(len(samples))]
    pictures.figure(path, labels, titles, lines, captions)


def draw_pairs(path, names, samples, real):
    """Writes a table: a class a line, its nearest two samples, then its nearest two real images.

    Args:
      path: of the PNG.
      names: of the classes.
      samples, real: for each class (images (2, H, W, C) uint8, their distance, the number of
        images that they are the nearest of), or None where there are no two.

    Raises:
      InputError: the file cannot be written.
    """
    titles = ['nearest samples', '', 'nearest training images', '']
    lines, captions = [], []
    for name, *pairs in zip(names, samples, real, strict=True):
        lines.append([image for pair in pairs for image in (pair[0] if pair else (None, None))])
        told = [(f'{name}: {p[1]:.2f} apart', f'of {p[2]:,}') if p else ('', '') for p in pairs]
        captions.append([*told[0], *told[1]])
    pictures.figure(path, [''] * len(lines), titles, lines, captions)


def draw_latent(path, mean, std):
    """Writes a picture of the code's dimensions, the most informative first.

    Above, the mean KL of each from the prior. Below, the variance of its mean over the images and
    the mean of its variance; they sum to 1 if the variance of the codes is that of the prior.

    Args:
      path: of the PNG.
      mean, std: (N, D) of q(z given x) for N images.

    Raises:
      InputError: the file cannot be written.
    """
    kl = 0.5 * np.mean(mean**2 + std**2 - 2.0 * np.log(std) - 1.0, axis=0)
    order, ranks = np.argsort(-kl), np.arange(1, len(kl) + 1)
    page = Figure(figsize=(8, 5), dpi=pictures.DPI, layout='constrained')
    above, below = page.subplots(2, sharex=True)
    above.bar(ranks, kl[order])
    above.set_ylabel('KL from the prior (nats)')
    below.stackplot(
        ranks,
        np.var(mean, axis=0)[order],
        np.mean(std**2, axis=0)[order],
        labels=['variance of the mean', 'mean variance'],
    )
    below.set(ylabel='variance of the code', xlabel='dimensions, by their KL')
    below.legend()
    with atomic(path) as partial:
        FigureCanvasAgg(page).print_png(partial)

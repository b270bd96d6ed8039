"""What does the weight of the KL term buy? Reconstruction against KL, and samples, for several.

  python -m lessons.kl_weights --runs=outputs/kl-0.1,outputs/kl-0.3,outputs/kl-1

The post's lambda_1 (--kl_weight) moves a VAE along a curve of bargains between the two terms of its
loss. On the dashed line their sum is as low as in the best of the runs. The runs must differ in
nothing else, and must have been evaluated (fid, sharpness).
"""

import numpy as np

import flags
import pictures
from lessons import figure, side_by_side
from lessons.tables import tell
from support.errors import InputError
from support.terminal import start

HEADS = ['weight', 'KL', 'reconstruction', 'sum', 'sharpness', 'FID']
HEIGHT = 420  # of the curve, in pixels


def main(argv):
    """Draws the figure, prints its numbers and where; returns 0; raises InputError."""
    shown, out = side_by_side.read(argv, __doc__, 'kl_weights')
    check(shown)
    shown.sort(key=weight, reverse=True)  # as their KL ascends
    titles = [f'weight {weight(one):g}' for one in shown]
    captions = [f'sharpness {one.sharpness:.2f}, FID {one.fid:.1f}' for one in shown]
    grids = [one.grid('samples') for one in shown]
    below = pictures.table(['samples'], titles, [grids], [captions])
    above = curve(shown, below.shape[1])[..., : below.shape[2]]
    tell(HEADS, [[f'{weight(one):g}', *numbers(one)] for one in shown])
    figure.save_pixels(out, np.concatenate([above, below]))
    return 0


def check(shown):
    """Raises InputError when the runs differ in more than the weight."""
    free = {*flags.changeable(), 'kl_weight'}
    others = [{k: v for k, v in one.settings.items() if k not in free} for one in shown]
    for one, settings in zip(shown, others, strict=True):
        for name, value in settings.items():
            if value != others[0].get(name):
                raise InputError(f'{one.run.path}: --{name}={value} is not that of the first run')


def weight(one):
    """Lambda of a run."""
    return one.settings['kl_weight']


def numbers(one):
    """Both terms of the test, their sum, and the scores of the samples."""
    return one.kl, one.reconstruction, one.kl + one.reconstruction, one.sharpness, one.fid


def curve(shown, width):
    """Reconstruction against KL, uint8 (HEIGHT, width, 3)."""
    kl, error = np.array([(one.kl, one.reconstruction) for one in shown]).T
    page = figure.page(width / pictures.DPI, HEIGHT / pictures.DPI)
    plot = page.subplots()
    plot.plot(kl, error, 'o-', color='black')
    ends, least = np.array([kl.min(), kl.max()]), np.min(kl + error)
    plot.plot(ends, least - ends, '--', color='grey', label=f'sum {least:.1f} nats')
    for one, x, y in zip(shown, kl, error, strict=True):
        plot.annotate(f'{weight(one):g}', (x, y), (6, 6), textcoords='offset points')
    plot.margins(y=0.15)
    plot.set(xlabel='KL (nats)', ylabel='reconstruction (nats)')
    plot.legend()
    return figure.pixels(page)


if __name__ == '__main__':
    start(main)

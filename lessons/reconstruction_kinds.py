"""Does another reconstruction term cure the VAE's blur? Samples and reconstructions of each.

  python -m lessons.reconstruction_kinds --runs=outputs/bernoulli,outputs/l2,outputs/l1

The post proposes L2 and L1 for the Bernoulli term. They are of other sizes, so that the same weight
of the KL term is another bargain: compare runs whose --kl_weight brings the KL to one value. The
runs must have been evaluated (fid, sharpness). KL is in nats. Of the 64 test images shown are the
error, squared and summed over the pixels in [0, 1], and the sharpness of the reconstructions.
"""

import pictures
from lessons import figure, side_by_side
from lessons.tables import tell
from support.terminal import start

HEADS = ['trained on', 'KL', 'sharpness', 'error', 'sharpness of samples', 'FID']


def main(argv):
    """Draws the figure, prints its numbers and where; returns 0; raises InputError."""
    shown, out = side_by_side.read(argv, __doc__, 'reconstruction_kinds')
    titles = ['target', *map(title, shown)]
    images = [[shown[0].target, *(one.grid('reconstructions') for one in shown)]]
    images.append([None, *(one.grid('samples') for one in shown)])
    captions = [['', *map(of_reconstructions, shown)], ['', *map(of_samples, shown)]]
    tell(HEADS, [[title(one), *numbers(one)] for one in shown])
    labels = ['recon-\nstruction', 'samples']
    figure.save_pixels(out, pictures.table(labels, titles, images, captions))
    return 0


def title(one):
    """What a column is trained on."""
    return f'{one.settings["reconstruction"]} + {one.settings["kl_weight"]:g} KL'


def numbers(one):
    """KL of the test; of reconstructions sharpness and error; of samples sharpness and FID."""
    rebuilt = one.reconstructed_sharpness(), one.squared_error()
    return one.kl, *rebuilt, one.sharpness, one.fid


def of_reconstructions(one):
    """The caption below reconstructions."""
    sharpness, error = one.reconstructed_sharpness(), one.squared_error()
    return f'KL {one.kl:.1f}, sharpness {sharpness:.2f}, error {error:.1f}'


def of_samples(one):
    """The caption below samples."""
    return f'sharpness {one.sharpness:.2f}, FID {one.fid:.1f}'


if __name__ == '__main__':
    start(main)

"""Does another reconstruction term cure the VAE's blur? Samples and reconstructions of each.

  python -m lessons.reconstruction_kinds --runs=outputs/bernoulli,outputs/l2,outputs/l1

The post proposes L2 and L1 for the Bernoulli term. They are of other sizes, so that the same weight
of the KL term is another bargain: compare runs whose --kl_weight brings the KL to one value. The
runs must have been evaluated (fid, sharpness). KL is in nats. Of the 64 test images shown are the
error, squared and summed over the pixels in [0, 1], and the sharpness of the reconstructions.
"""

import pictures
from lessons import figure, side_by_side
from support.terminal import start


def main(argv):
    """Draws the figure that the command line `argv` asks for; returns the exit status 0."""
    shown, out = side_by_side.read(argv, __doc__, 'reconstruction-kinds')
    titles = ['target', *map(title, shown)]
    images = [[shown[0].target, *(one.grid('reconstructions') for one in shown)]]
    images.append([None, *(one.grid('samples') for one in shown)])
    captions = [['', *map(of_reconstructions, shown)], ['', *map(of_samples, shown)]]
    labels = ['recon-\nstruction', 'samples']
    figure.save_pixels(out, pictures.table(labels, titles, images, captions))
    return 0


def title(one):
    """What a column is trained on."""
    return f'{one.settings["reconstruction"]} + {one.settings["kl_weight"]:g} KL'


def of_reconstructions(one):
    """The caption below reconstructions."""
    sharpness, error = one.reconstructed_sharpness(), one.squared_error()
    return f'KL {one.kl:.1f}, sharpness {sharpness:.2f}, error {error:.1f}'


def of_samples(one):
    """The caption below samples."""
    return f'sharpness {one.sharpness:.2f}, FID {one.fid:.1f}'


if __name__ == '__main__':
    start(main)

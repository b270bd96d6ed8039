"""Does another reconstruction term cure the VAE's blur? Samples and reconstructions of each.

  python -m examples.reconstruction_kinds --runs=outputs/bernoulli,outputs/l2,outputs/l1

The post proposes L2 and L1 for the Bernoulli term. They are of other sizes, so that the same weight
of the KL term is another bargain: compare runs whose --kl_weight brings the KL to one value. The
runs must have been evaluated (fid, sharpness). The squared error, of pixels in [0, 1] summed over
an image, and the sharpness of the reconstructions are those of the 64 test images shown.
"""

import export
from console import start
from examples import side_by_side


def main(argv):
    """Draws the figure that the command line `argv` asks for; returns the exit status 0."""
    shown, out = side_by_side.read(argv, __doc__, 'reconstruction-kinds')
    titles = ['target', *map(title, shown)]
    pictures = [[shown[0].target, *(one.grid('reconstructions') for one in shown)]]
    pictures.append([None, *(one.grid('samples') for one in shown)])
    captions = [['', *map(of_reconstructions, shown)], ['', *map(of_samples, shown)]]
    labels = ['reconstruc-\ntions', 'samples']
    side_by_side.save(out, export.table(labels, titles, pictures, captions))
    return 0


def title(one):
    """What a column is trained on."""
    return f'{one.flags["reconstruction"]}, {one.flags["kl_weight"]:g} KL: KL {one.kl:.1f} nats'


def of_reconstructions(one):
    """The caption below reconstructions."""
    sharpness = one.reconstructed_sharpness()
    return f'sharpness {sharpness:.2f}, sq. error {one.squared_error():.1f}'


def of_samples(one):
    """The caption below samples."""
    return f'sharpness {one.sharpness:.2f}, FID {one.fid:.1f}'


if __name__ == '__main__':
    start(main)

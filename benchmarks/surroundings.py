"""The time that the trainer spends on log, checkpoint and grids, and whether it grows."""

from statistics import median

from benchmarks.children import started

EPOCHS, WINDOW = 500, 50
SMALL = 512  # images of the long run, to have many epochs
HEADER = ['epochs', 'images per epoch', 'seconds outside the calls', 'share of the epoch', 'memory']
NOTE = (
    'The VAE at its defaults, with a test split of 64 images. Seconds of an epoch outside the '
    'compiled calls (log, checkpoint, grids; median), and their share of the epoch. Memory: in '
    'use after the last of these epochs, in MB.'
)


def section(data, size, rounds):
    """The section: some epochs of `size` images, then the beginning and end of a long run."""
    rows = [row(f'1 to {rounds}', size, epochs(data, size, rounds))]
    long = epochs(data, SMALL, EPOCHS)
    rows.append(row(f'1 to {WINDOW}', SMALL, long[:WINDOW]))
    rows.append(row(f'{EPOCHS - WINDOW + 1} to {EPOCHS}', SMALL, long[-WINDOW:]))
    return 'What surrounds the steps', NOTE, HEADER, rows


def epochs(data, size, count):
    """The answers of so many epochs of `size` images, after a first one, which compiles."""
    settings = [*data, f'--train_size={size}', '--epochs=1000000']
    with started({'ours': ('ours', [])}, 'vae', *settings) as children:
        child = children['ours']
        child.ask('epoch')
        return [child.ask('epoch') for _ in range(count)]


def row(name, size, answers):
    """Cells of some epochs."""
    around = [answer['seconds'] - answer['inside'] for answer in answers]
    shares = [own / answer['seconds'] for own, answer in zip(around, answers, strict=True)]
    memory = f'{answers[-1]["resident"] / 1e6:.0f}'
    return [name, str(size), f'{median(around):.3f}', f'{median(shares):.1%}', memory]

"""Time to quality: seconds of training until the VAE reaches a negative ELBO on the test split."""

from statistics import median

from benchmarks.children import started

SEEDS = (0, 1, 2)
EPOCHS = 100  # after which a contestant is given up
HEADER = ['contestant', 'seconds', 'each seed', 'epochs', 'ratio']
NOTE = (
    'Seconds of training until the negative ELBO of the test split, computed after every epoch, is '
    'at most {:g} nats. Compilation is included, tests are not. Median of {} seeds. Ratio: how '
    'many times faster than the tutorial loop, the median of the ratios of each seed. inf: not '
    'reached within {} epochs.'
)


def section(settings, nats):
    """The section, for the VAE with these flags of train.py."""
    found = {'ours': [], 'tutorial': []}
    for seed in SEEDS:
        contestants = {name: (name, []) for name in found}
        flags = [*settings, f'--seed={seed}', '--epochs=1000000']
        with started(contestants, 'vae', *flags) as children:
            for name, child in children.items():
                found[name].append(time_to(child, nats))
    rows = [row(name, times, found['tutorial']) for name, times in found.items()]
    return 'Time to quality', NOTE.format(nats, len(SEEDS), EPOCHS), HEADER, rows


def time_to(child, nats):
    """(seconds, epochs) until the child's model reaches `nats`; infinite seconds if it does not."""
    seconds = 0.0
    for epoch in range(1, EPOCHS + 1):
        seconds += child.ask('epoch')['seconds']
        if child.ask('test')['negative_elbo'] <= nats:
            return seconds, epoch
    return float('inf'), EPOCHS


def row(name, times, reference):
    """Cells of a contestant."""
    seconds = [own for own, _ in times]
    ratios = [other / own for own, (other, _) in zip(seconds, reference, strict=True)]
    each, epochs = ', '.join(f'{own:.1f}' for own in seconds), median(e for _, e in times)
    return [name, f'{median(seconds):.1f}', each, f'{epochs}', f'{median(ratios):.2f}']

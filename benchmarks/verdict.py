"""What measured speeds say: what --xla=auto should do on a GPU, and what determinism costs."""

from statistics import median

RESOLVED = 1.05  # smaller differences are noise, and without XLA a run starts sooner
PRECISIONS = ('float32', 'bfloat16')
HEADER = ['network', 'precision', 'XLA', '`--xla=auto`', 'deterministic', 'deterministic, XLA']
NOTE = (
    'XLA: how many times as many images per second it makes in the calls, the median of the '
    'ratios of each round; below {} --xla=auto should leave it off. Deterministic: the same of '
    'TF_DETERMINISTIC_OPS=1. On this machine the numbers speak for {} in `choose_xla` '
    '(training/devices.py).'
)


def way(precision, xla, exact=False):
    """What a way to train is called; `exact` where its operations are deterministic."""
    return precision + ', XLA' * (xla == 'on') + ', deterministic' * exact


def section(found):
    """The section on {network: {way: answers of its epochs}}, as `report.Report.add` takes it."""
    rows = [
        row(network, precision, found[network]) for network in found for precision in PRECISIONS
    ]
    return 'What the numbers speak for', NOTE.format(RESOLVED, in_words(rows)), HEADER, rows


def row(network, precision, rounds):
    """Cells of a network in a precision."""
    off, on = (way(precision, xla) for xla in ('off', 'on'))
    xla = gain(rounds, off, on)
    exact = [gain(rounds, way(precision, x), way(precision, x, True)) for x in ('off', 'on')]
    cells = ['' if value is None else f'{value:.2f}' for value in (xla, *exact)]
    return [network, precision, cells[0], advised(xla), *cells[1:]]


def gain(rounds, before, after):
    """How many times as fast one way is in its calls as another; None if one is missing."""
    if before not in rounds or after not in rounds:
        return None
    pairs = zip(*(rates(rounds[name], 'inside') for name in (after, before)), strict=True)
    return median(own / other for own, other in pairs)


def rates(answers, clock):
    """Images per second of each epoch by one of its clocks, 'seconds' or 'inside'."""
    return [answer['images'] / answer[clock] for answer in answers]


def advised(ratio):
    """The value of --xla that a ratio speaks for; off if it is not known."""
    return 'on' if ratio is not None and ratio >= RESOLVED else 'off'


def in_words(rows):
    """What the rows advise, as a phrase."""
    chosen = [
        f'{network} in {precision}' for network, precision, _, value, *_ in rows if value == 'on'
    ]
    if len(chosen) in (0, len(rows)):
        return "'on' throughout" if chosen else "'off' throughout"
    return f"'on' for {', '.join(chosen)} and 'off' elsewhere"

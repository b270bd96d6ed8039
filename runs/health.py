"""Whether a run has failed, judged by the last rows of its log.

A GAN fails in one of three ways. Its discriminator tells every sample from the data, so that the
generator learns nothing more; or it tells nothing from anything; or its generator draws the same
picture whatever the noise.
"""

import sys

EPOCHS = 3  # a failure must last this long
BEGINNING = 300  # the first steps, which are not judged
GAP = 0.9  # of D(x) - D(G(z)), which is the target for data if no sample is taken for real
KNOWN = 0.6  # of the probability of its label for data less that for samples, of label_gan
BLIND = 0.002  # of |D(x) - D(G(z))|; good runs have had nine times as much at the least
SPREAD = 0.2  # spread of the samples relative to that of real images
ALIKE = 2000  # steps in which the samples of a good run may still look alike: gan_mlp on digits


def failure(run):
    """One line on how a `Run` fails according to its log, or None."""
    return failure_in(run.rows(), run.config)


def failure_in(rows, config):
    """The same of some rows of the log of a run with this configuration."""
    settings = config['settings']
    steps = config['train_images'] // settings['batch_size']
    return failure_of(rows, steps, settings.get('real_target', 1.0))


def warn(run):
    """Prints a warning to standard error if a run fails."""
    found = failure(run)
    if found:
        print(f'{run.path}: {found}', file=sys.stderr)


def failure_of(rows, steps, target=1.0):
    """One line on how the run of these rows fails, or None.

    Args:
      rows: of log.csv, {column: number or its text}, the oldest first. `d_true` and `d_fake` are
        D(x) and D(G(z)); critics have neither. `label_true` and `label_fake` are the probabilities
        of their labels that the post's label GAN gives data and samples. `spread` is that of
        `evaluation.metrics.spread`.
      steps: per epoch.
      target: of the discriminator for data, to which D(x) of a winner comes near.
    """
    last = [row for row in rows[-EPOCHS:] if int(row['epoch']) * steps >= BEGINNING]
    if len(last) < EPOCHS:
        return None
    told = f'for {EPOCHS} epochs, up to epoch {last[-1]["epoch"]}; train again with'
    most = GAP * target
    if all(gap(row) > most for row in last):
        found = f'the discriminator recognises every sample: D(x) - D(G(z)) was above {most:g}'
        return f'failing: {found} {told} another --seed or a smaller --learning_rate'
    if all(gap(row, 'label') > KNOWN for row in last):
        found = f'the discriminator knows labels of data alone: label_true - label_fake > {KNOWN}'
        return f'failing: {found} {told} another --seed or with --model=acgan'
    if all('d_true' in row and abs(gap(row)) < BLIND for row in last):
        found = f'the discriminator tells nothing apart: |D(x) - D(G(z))| was below {BLIND}'
        return f'failing: {found} {told} less noise on what it sees or a larger --learning_rate'
    begun = int(last[0]['epoch']) * steps >= ALIKE
    if begun and all(float(row.get('spread') or 1) < SPREAD for row in last):
        found = f"all samples look alike: their spread was below {SPREAD} of the data's"
        return f'failing: {found} {told} another --seed or a smaller --learning_rate'
    return None


def gap(row, name='d'):
    """D(x) - D(G(z)) of a row, or another pair of columns by this name; 0 where it has none."""
    return float(row.get(f'{name}_true') or 0) - float(row.get(f'{name}_fake') or 0)

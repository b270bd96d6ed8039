"""Scores trained models with the usual metrics, in one table.

  python evaluate.py --runs=outputs/vae-mnist,outputs/gan-mnist
  python evaluate.py --runs=outputs/vae-mnist --metrics=fid,elbo,bound --out=table.md
  python evaluate.py --runs=outputs/vae-mnist --metrics=all

Samples of each run are compared with test images, by their pixels and by the features of a
classifier. The scores of training images, in place of samples, come first for comparison. Scores
are kept in evaluation.json in each run. A score is only computed again if the checkpoint, the data,
the classifier, the number of samples or the seed has changed. The scores neighbours, pairs and
active_units also write neighbours.png, pairs.png and latent.png.
"""

if __name__ == '__main__':  # before the imports below, which take a while
    import os
    import sys

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # python -I leaves it out
    from support import startup

    startup.begin()

import sys
from pathlib import Path

from absl.flags import EnumParser

import flags
from evaluation import measuring, results, scores
from runs import directory
from support import terminal
from support.errors import InputError
from support.files import atomic

# These take a minute.
ANSWERS = ('coverage', 'class_accuracy', 'fid', 'precision_recall', 'sharpness', 'elbo')


def main(argv):
    """Runs the command line `argv`; returns the exit status.

    Raises:
      InputError: for invalid flags, runs or data, and too few samples for a score.
    """
    settings, drawings = flags.parse_with_drawing(argv, __doc__, define_flags, runs_of)
    names, out = chosen(settings.metrics), written(settings)
    asked = [] if settings.metrics in (None, 'all') else names
    if settings.least_classes and 'coverage' not in names:
        raise InputError(
            f'--least_classes={settings.least_classes}: needs coverage; add it to --metrics'
        )
    judged = runs_of(settings)
    sampled = settings.num_samples, settings.seed, settings.features
    found = measuring.evaluate(judged, names, *sampled, settings.data_dir, drawings)
    draw = results.upright if sys.stdout.isatty() else results.markdown
    print(draw(found, names, asked), end='')
    for run, (_, kept) in zip(judged, found[-len(judged) :], strict=True):
        for path in drawn(run, names, kept):
            print(path)
    if out:
        with atomic(out) as partial:
            partial.write_text(render(out.suffix, found, names, asked))
    check_classes(found[-len(judged) :], settings.least_classes)
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group, count = 'What to judge', flags.Number(int, scores.LEAST, 1_000_000)
    meaning = 'directories of runs of one data set, or their names in outputs/, separated by commas'
    flags.define(table, group, 'runs', None, meaning)
    flags.define(table, group, 'num_samples', 10000, 'number of samples of each run', count)
    seed = flags.Number(int, 0, flags.LARGEST_SEED)
    flags.define(table, group, 'seed', 0, 'seed of the samples and of everything drawn', seed)
    meaning = "directory where tensorflow-datasets keeps its data sets; by default the first run's"
    flags.define(table, group, 'data_dir', None, meaning)
    group = 'How to judge'
    meaning = f'scores by name, or all; by default {",".join(ANSWERS)}. '
    meaning += f'Choose from {", ".join(scores.SCORES)}'
    flags.define(table, group, 'metrics', None, meaning)
    meaning = 'exit with status 1 if a run draws fewer classes; 0 means no check'
    flags.define(table, group, 'least_classes', 0, meaning, flags.Number(int, 0, 1_000_000))
    words, meaning = ['classifier', 'inception'], 'network whose features and classes are used: '
    meaning += "a classifier of the data's classes, or Keras' InceptionV3 of ImageNet, which is "
    meaning += 'not the network of the original FID. Scores by different networks cannot be '
    meaning += 'compared'
    flags.define(table, group, 'features', words[0], meaning, EnumParser(words))
    flags.define(table, group, 'out', None, 'file for the table: <name>.md or <name>.csv')
    flags.define_overwrite(table, group)


def runs_of(settings):
    """The runs that a command line names."""
    return directory.open_runs(settings.runs)


def chosen(words):
    """The names of the scores in --metrics; raises InputError for an unknown name."""
    if words == 'all':
        return list(scores.SCORES)
    return measuring.known(ANSWERS if words is None else words.split(','))


def drawn(run, names, kept):
    """The paths of the pictures that belong to those of the scores `names` that a run has."""
    files = [scores.SCORES[name].picture for name in names if name in kept['scores']]
    return [run.path / file for file in files if file]


def check_classes(judged, least):
    """Raises InputError if a run among these (row, result) draws fewer than `least` classes."""
    for row, kept in judged if least else []:
        drawn = kept['scores'].get('coverage', {}).get('present')
        if drawn is None or drawn < least:
            found = f'draws {drawn} classes; train it with another --seed'
            if drawn is None:
                found = 'has no classes to count; leave the flag out'
            raise InputError(f'--least_classes={least}: {row} {found}')


def written(settings):
    """The path in --out, or None; InputError for another suffix, or a file that exists."""
    if not settings.out:
        return None
    if Path(settings.out).suffix not in ('.md', '.csv'):
        raise InputError(f'--out={settings.out}: must end in .md or .csv')
    flags.check_out(settings, settings.out)
    return Path(settings.out)


def render(suffix, found, names, asked):
    """The text of a file of this suffix."""
    if suffix == '.csv':
        return results.comma_separated(found, names)
    return results.markdown(found, names, asked)


if __name__ == '__main__':
    terminal.start(main)

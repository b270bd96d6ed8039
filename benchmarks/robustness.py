"""How often the defaults succeed: every setting over several seeds, a row each in robustness.csv.

  python -m benchmarks.robustness --settings=gan-digits,gan-mnist

Training bits differ between processors, with and without XLA, with one thread and two, and a GAN
that trains with some bits may fail with others. So a default is judged by its rate of success. A
run succeeds if it draws at least nine of ten classes, a class being drawn where the classifier is
sure of one sample in a hundred, if the FID of its samples lies below a bound that was set by good
runs before, and if its log does not end in a failure (`runs.health`). Classes and FID are of 2,000
samples, against as many test images where there are so many.

Rows that stand in the file are not made again, so the work can be done in parts.
"""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

import datasets
import flags
import pictures
from benchmarks import rows
from benchmarks.report import processor, table
from runs.directory import Run
from runs.health import failure_in
from support import terminal
from support.errors import InputError

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / 'robustness.csv'
FOLDER = 'folder'  # digits as files, black on white
FOLDER_IMAGES = 4000
CLASSES = 9  # least number for a success
SETTLED = 10  # epochs after which a run should not break down any more


class Setting(NamedTuple):
    """A model's defaults on a data set, but for `words`, over the seeds 0 to `seeds` - 1.

    Attributes:
      meaning: what it is, for the table.
      fid: a run above it has failed.
      classes: a run that draws fewer has failed.
      change: of `benchmarks.variants`, or none.
      threads: that compute, or as many as there are cores.
    """

    meaning: str
    model: str
    dataset: str
    epochs: int
    seeds: int
    fid: float
    words: tuple = ()
    change: str | None = None
    threads: int | None = None
    classes: int = CLASSES


def short(meaning, *words, change=None):
    """The GAN on 10,000 images of MNIST for 6 epochs, three seeds, with these flags."""
    return Setting(meaning, 'gan', 'mnist', 6, 3, 150, words, change, threads=2)


def bare(meaning, *words):
    """`improved_gan` without the guards of `gan`, MNIST for 1,560 steps, three seeds."""
    words = '--nobatch_norm', NO_NOISE, *words
    return Setting(meaning, 'improved_gan', 'mnist', 10, 3, 150, words, threads=1)


def improved(meaning, *words):
    """`improved_gan` with these flags on 10,000 images of MNIST for 6 epochs, three seeds."""
    return Setting(meaning, 'improved_gan', 'mnist', 6, 3, 150, words, threads=1)


NO_NOISE, EQUAL = '--instance_noise=0', '--generator_rate=1'
FOREVER = '--decay_steps=1000000000'
LONG = ('--eval_every=4',)
FEWER = ('--train_size=10000',)
FAST = ('--learning_rate=5e-4',)
TECHNIQUES = {
    'features': '--feature_matching',
    'minibatch': '--minibatch_discrimination',
    'history': '--historical_averaging=0.001',
    'smoothing': '--real_target=0.9',
    'virtual': '--virtual_batch_norm',
}
SETTINGS = {
    'gan-digits': Setting(
        'the demo: digits, 16 epochs, two threads', 'gan', 'digits', 16, 10, 100, threads=2
    ),
    'gan-digits-one-thread': Setting(
        'the demo, one thread', 'gan', 'digits', 16, 4, 100, threads=1
    ),
    'gan-digits-no-xla': Setting(
        'the demo, `--xla=off`', 'gan', 'digits', 16, 4, 100, ('--xla=off',), threads=2
    ),
    'gan-digits-no-noise': Setting(
        'the demo, `--instance_noise=0`',
        'gan',
        'digits',
        16,
        3,
        100,
        (NO_NOISE,),
        threads=2,
    ),
    'gan-mnist': Setting('MNIST, 6 epochs', 'gan', 'mnist', 6, 10, 150, threads=2),
    'gan-mnist-100': Setting('MNIST, 100 epochs', 'gan', 'mnist', 100, 3, 20, LONG),
    'gan-mnist-368': Setting('MNIST, 368 epochs', 'gan', 'mnist', 368, 1, 10, LONG),
    'gan-mnist-368-average': Setting(
        'MNIST, 368 epochs, `--average=0.9995`',
        'gan',
        'mnist',
        368,
        1,
        10,
        (*LONG, '--average=0.9995'),
    ),
    'gan-folder': Setting(
        'a folder of 4,000 digits, black on white, 16 epochs', 'gan', FOLDER, 16, 3, 100
    ),
    'gan-cifar10': Setting(
        'CIFAR-10, 12 epochs; classes are not judged', 'gan', 'cifar10', 12, 3, 15, classes=0
    ),
    'gan-cifar10-slow': Setting(
        'the same without noise, with rates that fall later, 2 for the generator',
        'gan',
        'cifar10',
        12,
        3,
        15,
        (NO_NOISE, '--generator_rate=2', '--decay_steps=2000'),
        classes=0,
    ),
    'vae-digits': Setting('`vae`, digits, 20 epochs', 'vae', 'digits', 20, 3, 200),
    'vae-mnist': Setting('`vae`, MNIST, 20 epochs', 'vae', 'mnist', 20, 3, 200),
    'vae-mnist-bfloat16': Setting(
        '`vae`, MNIST, 20 epochs, `--precision=bfloat16`',
        'vae',
        'mnist',
        20,
        3,
        200,
        ('--precision=bfloat16',),
    ),
    'cvae-mnist': Setting('`cvae`, MNIST, 20 epochs', 'cvae', 'mnist', 20, 3, 200),
    'vae_gan-mnist': Setting('`vae_gan`, MNIST, 6 epochs', 'vae_gan', 'mnist', 6, 3, 150),
    'label_gan-mnist': Setting('`label_gan`, MNIST, 6 epochs', 'label_gan', 'mnist', 6, 3, 150),
    'label_gan-mnist-none': Setting(
        '`label_gan --condition=none`, MNIST, 6 epochs',
        'label_gan',
        'mnist',
        6,
        3,
        150,
        ('--condition=none',),
    ),
    'acgan-mnist': Setting('`acgan`, MNIST, 6 epochs', 'acgan', 'mnist', 6, 3, 150),
    'dcgan-digits': Setting('`dcgan`, digits, 40 epochs', 'dcgan', 'digits', 40, 3, 100),
    'dcgan-mnist': Setting('`dcgan`, MNIST, 20 epochs', 'dcgan', 'mnist', 20, 3, 100, FEWER),
    'dcgan-folder': Setting('`dcgan`, the folder, 40 epochs', 'dcgan', FOLDER, 40, 3, 100),
    'gan_mlp-digits': Setting('`gan_mlp`, digits, 60 epochs', 'gan_mlp', 'digits', 60, 3, 200),
    'gan_mlp-mnist': Setting('`gan_mlp`, MNIST, 60 epochs', 'gan_mlp', 'mnist', 60, 3, 200, FEWER),
    'wgan_gp-digits': Setting(
        "`wgan_gp`, digits, 20 epochs at the paper's rate", 'wgan_gp', 'digits', 20, 3, 200
    ),
    'wgan_gp-digits-fast': Setting(
        '`wgan_gp`, digits, 30 epochs at five times the rate',
        'wgan_gp',
        'digits',
        30,
        3,
        200,
        FAST,
    ),
    'wgan_gp-mnist': Setting(
        '`wgan_gp`, MNIST, 30 epochs at five times the rate',
        'wgan_gp',
        'mnist',
        30,
        3,
        200,
        (*FEWER, *FAST),
    ),
    **{
        f'{model}-mnist': Setting(
            f'`{model}`, MNIST, 60,000 images once', model, 'mnist', 1, 3, 150, threads=1
        )
        for model in ('pixelcnn', 'gated_pixelcnn', 'pixelrnn')
    },
    'post': short(
        "initial weights and beta_1 of the post's public code; equal rates",
        NO_NOISE,
        EQUAL,
        FOREVER,
        change='post',
    ),
    'wide-weights': short(
        'weights from N(0, 0.2), beta_1 0.5; equal rates',
        NO_NOISE,
        EQUAL,
        FOREVER,
        change='wide_weights',
    ),
    'small-weights': short(
        'weights from N(0, 0.02), beta_1 0.9; equal rates',
        NO_NOISE,
        EQUAL,
        FOREVER,
        change='beta_1',
    ),
    'beta_1': short('weights from N(0, 0.02), beta_1 0.5; equal rates', NO_NOISE, EQUAL, FOREVER),
    'rate-5': short('the same with five times the rate for the generator', NO_NOISE, FOREVER),
    'decay-500': short('the same with rates that fall', NO_NOISE),
    'noise': short('`rate-5` with noise on what D sees, which does not fall', FOREVER),
    'noise-rate-1': short('the default at equal rates', EQUAL),
    'gan-mnist-bfloat16': short('the default with `--precision=bfloat16`', '--precision=bfloat16'),
    'normal': short('the default with `--latent=normal`', '--latent=normal'),
    'average': short('the default with `--average=0.999`', '--average=0.999'),
    'bare': bare('`gan` without batch norm in the discriminator and without noise'),
    **{f'bare-{name}': bare(f'`{word}`', word) for name, word in TECHNIQUES.items()},
    'bare-all': bare('all five', *TECHNIQUES.values()),
    'bare-history-1': bare(
        "`--historical_averaging=1`, the paper's", '--historical_averaging=1'
    )._replace(seeds=1),
    'bare-noise': bare('`--instance_noise=0.5`, as in `gan`', '--instance_noise=0.5'),
    **{f'improved-{name}': improved(f'`{word}`', word) for name, word in TECHNIQUES.items()},
    'improved-all': improved('all five', *TECHNIQUES.values()),
}
COLUMNS = ['setting', 'seed', 'model', 'dataset', 'epochs', 'flags', 'change', 'threads', 'xla']
COLUMNS += ['success', 'classes', 'fid', 'fewest_classes', 'highest_fid', 'spread']
COLUMNS += ['d_true', 'd_fake', 'warned', 'seconds', 'processor', 'commit']

HEADER = ['setting', 'what it is', 'succeeded', 'classes', 'FID']


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    settings = flags.parse(argv, __doc__, define_flags)
    names = settings.settings.split(',')
    for name in names:
        if name not in SETTINGS:
            raise InputError(f'--settings: no setting {name!r}{flags.nearest(name, [*SETTINGS])}')
    home = Path(settings.output_dir)
    for name in names:
        for seed in seeds_of(settings.seeds, SETTINGS[name].seeds):
            if (name, str(seed)) not in finished():
                row = measure(home, name, seed, settings.data_dir)
                rows.append(RESULTS, COLUMNS, row)
    print(summary(names))
    worst(home / 'worst.png', names, home)
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group = 'What to train'
    meaning = f'which settings: {", ".join(SETTINGS)}'
    flags.define(table, group, 'settings', ','.join(SETTINGS), meaning)
    meaning = 'which of their seeds, as 0,1,2; by default all of a setting'
    flags.define(table, group, 'seeds', None, meaning)
    flags.define(table, group, 'data_dir', None, 'as for train.py')
    flags.define(table, group, 'output_dir', 'outputs/robustness', 'directory of the runs')


def seeds_of(words, count):
    """The seeds below `count` that --seeds names, or all; raises InputError for what is none."""
    if words is None:
        return range(count)
    if not all(word.isdecimal() for word in words.split(',')):
        raise InputError(f'--seeds={words}: must be whole numbers, as 0,1,2')
    return [seed for seed in map(int, words.split(',')) if seed < count]


def finished():
    """The (setting, seed) pairs that stand in the file."""
    return rows.keys(RESULTS, 'setting', 'seed')


def measure(home, name, seed, data_dir):
    """The row of a setting and a seed, after its training.

    Raises:
      InputError: the training came to another end.
    """
    setting = SETTINGS[name]
    run = train(home, name, seed, setting, data_dir)
    log, config = run.rows(), run.config
    judged = [row for row in log if row.get('eval_fid')]
    later = [row for row in judged if int(row['epoch']) > SETTLED] or judged
    classes, fid = int(judged[-1]['eval_classes']), float(judged[-1]['eval_fid'])
    failures = [failure_in(log[: i + 1], config) for i in range(len(log))]
    good = classes >= setting.classes and fid <= setting.fid and not failures[-1]
    return {
        'setting': name,
        'seed': seed,
        'model': setting.model,
        'dataset': setting.dataset,
        'epochs': setting.epochs,
        'flags': ' '.join(setting.words),
        'change': setting.change or '',
        'threads': config['threads'],
        'xla': config['xla'],
        'success': int(good),
        'classes': classes,
        'fid': f'{fid:.1f}',
        'fewest_classes': min(int(row['eval_classes']) for row in later),
        'highest_fid': f'{max(float(row["eval_fid"]) for row in later):.1f}',
        'spread': f'{float(log[-1]["spread"]):.2f}',
        'd_true': rounded(log[-1].get('d_true')),
        'd_fake': rounded(log[-1].get('d_fake')),
        'warned': int(any(failures)),
        'seconds': round(sum(float(row['seconds']) for row in log)),
        'processor': processor(),
        'commit': (config['git_commit'] or '')[:7],
    }


def rounded(text):
    """A number of the log with three decimals, or nothing."""
    return f'{float(text):.3f}' if text else ''


def train(home, name, seed, setting, data_dir):
    """The finished run of a setting and a seed, without its checkpoints, which are large."""
    run = Run(home / f'{name}-{seed}')
    dataset = folder(home) if setting.dataset == FOLDER else setting.dataset
    words = [f'--model={setting.model}', f'--dataset={dataset}', f'--epochs={setting.epochs}']
    words += [f'--seed={seed}', f'--eval_every={setting.epochs}', *setting.words]
    words += [f'--output_dir={home}', f'--run_name={run.path.name}']
    words += [f'--data_dir={data_dir}'] if data_dir else []
    words += [f'--change={setting.change}'] if setting.change else []
    words += [f'--threads={setting.threads}'] if setting.threads else []
    line = [sys.executable, '-m', 'benchmarks.variants', *words]
    if subprocess.run(line, cwd=ROOT).returncode:
        raise InputError(f'{run.path}: the training failed; see above')
    for checkpoint in run.checkpoints():
        checkpoint.unlink()
    run.final().unlink(missing_ok=True)
    return run


def folder(home):
    """The path of a folder of images: some of `digits`, black on white, a sub-folder a class."""
    place = (home / FOLDER).resolve()
    if not place.exists():
        data = datasets.load('digits')
        images, labels = datasets.subset(data.train_images, data.train_labels, FOLDER_IMAGES)
        partial = place.with_name(f'{FOLDER}.{os.getpid()}')
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            (partial / str(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(255 - image[..., 0]).save(partial / str(label) / f'{i:05d}.png')
        partial.rename(place)
    return place


def summary(names):
    """The table of these settings: how many runs succeeded, and what they draw."""
    by_name = defaultdict(list)
    for row in rows.read(RESULTS):
        by_name[row['setting']].append(row)
    return table(HEADER, [line(name, by_name[name]) for name in names if by_name[name]])


def line(name, found):
    """The cells of a setting and its rows."""
    found = sorted(found, key=lambda row: int(row['seed']))
    return [
        name,
        SETTINGS[name].meaning,
        f'{sum(int(row["success"]) for row in found)} of {len(found)}',
        told_classes([row['classes'] for row in found]),
        told_fids([float(row['fid']) for row in found]),
    ]


def told_classes(counts):
    """The classes of each seed: '9, 10', or '10 each'."""
    return f'{counts[0]} each' if len(counts) > len({*counts}) == 1 else ', '.join(counts)


def told_fids(fids):
    """Median, lowest and highest: '15.5 (12.4 to 23.5)', or the only one."""
    span = f' ({min(fids):.1f} to {max(fids):.1f})' if len(fids) > 1 else ''
    return f'{np.median(fids):.1f}{span}'


def worst(path, names, home):
    """Writes a picture: the last samples of the worst seed of each setting whose runs lie here."""
    shown = []
    for name in names:
        found = [row for row in rows.read(RESULTS) if row['setting'] == name]
        found = [row for row in found if (home / f'{name}-{row["seed"]}').exists()]
        if found:
            row = max(found, key=lambda row: float(row['fid']))
            run = Run(home / f'{name}-{row["seed"]}')
            grid = pictures.load_grid(run.picture('samples', run.epochs('samples')[-1]))
            shown.append((name, grid, f'seed {row["seed"]}: FID {row["fid"]}'))
    if shown:
        titles, grids, captions = zip(*shown, strict=True)
        pictures.figure(path, [''], titles, [list(grids)], [list(captions)])


if __name__ == '__main__':
    terminal.start(main)

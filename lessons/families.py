"""Which family for what? The models in a tree of families, and what trained ones can do.

  python -m lessons.families
  python -m lessons.families --runs=outputs/vae-mnist,outputs/gan-mnist,outputs/pixelcnn-mnist

The tree is figure 9 of Goodfellow 2016, "NIPS 2016 Tutorial: Generative Adversarial Networks"
(arXiv:1701.00160): families by what a model says about the density p(x). Its leaves are the models
of this project. With --runs, samples of each run stand below, and its numbers are printed: nats,
exact or a bound, and FID, both as evaluate.py takes them; the time that it takes to draw 64
samples; the training's minutes; its trained parameters; and how well a linear probe tells classes
by its codes or features. Scores that stand in a run's evaluation.json are not computed again.
"""

import math
import statistics
import textwrap
import time

import flags
import pictures
from evaluation.likelihoods import binarized
from evaluation.measuring import evaluate, hire, load
from evaluation.rows import Bench, Pictures, Row
from evaluation.scores import measure
from lessons import figure, probe
from lessons.tables import tell
from runs import directory
from runs.drawing import SHOWN, draw, latents_of
from runs.restore import checkpoint, restore
from support import terminal
from support.errors import InputError

TREE = {
    'maximum likelihood': {
        'explicit density': {
            'tractable': ('pixelcnn', 'gated_pixelcnn', 'pixelrnn'),
            'approximate': {
                'variational': ('vae', 'cvae'),
                'Markov chain': 'Boltzmann machines; none here',
            },
        },
        'implicit density': {
            'Markov chain': 'generative stochastic networks; none here',
            'direct': (
                *('gan_mlp', 'gan', 'improved_gan', 'semi_gan', 'label_gan', 'acgan'),
                *('dcgan', 'wgan', 'wgan_gp'),
            ),
        },
    },
    'beside the tree': {
        'VAE and GAN': ('vae_gan',),
        'no density': ('ae',),
    },
}
NATS = {  # score: (key, what it is), the best first
    'log_likelihood': ('nats', 'exact'),
    'bound': ('nats', 'bound'),
    'elbo_binarized': ('negative_elbo', 'ELBO'),
}
HEADS = ['run', 'family', 'nats', 'known by', 'FID', 'seconds', 'minutes', 'parameters', 'probe, %']
TIMES = 3  # drawings that are timed
GRID, LINE = 16, 6  # samples shown of a run; runs in a line
WIDEST = 44  # letters of a line of models


def main(argv):
    """Draws the figure, prints the table and where; returns 0; raises InputError."""
    settings = figure.parse(argv, 'families', __doc__, define_flags)
    compared = directory.open_runs(settings.runs) if settings.runs else []
    if compared:
        told, shown = judge_all(compared, settings)
        tell(HEADS, told)
    else:
        shown = {}
        tell(['family', 'models'], [[' / '.join(path), words(leaf)] for path, leaf in leaves(TREE)])
    figure.save(settings.out, paint(shown))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'What to compare'
    flags.define(table, group, 'runs', None, 'directories of runs of one data set with classes')
    meaning = "prepared data sets of tensorflow-datasets; by default the first run's directory"
    flags.define(table, group, 'data_dir', None, meaning)
    meaning = 'samples of each run, for FID'
    flags.define(table, group, 'num_samples', 10000, meaning, flags.Number(int, 200, 1_000_000))


def leaves(tree, path=()):
    """Yields (names of the nodes down to it, models or words) of each leaf."""
    for name, below in tree.items():
        if isinstance(below, dict):
            yield from leaves(below, (*path, name))
        else:
            yield (*path, name), below


def words(leaf):
    """What stands at a leaf: the names of its models, or why there are none."""
    return leaf if isinstance(leaf, str) else ', '.join(leaf)


def family_of(model):
    """The name of a model's leaf; None for a model that is not in the tree."""
    found = (path[-1] for path, leaf in leaves(TREE) if not isinstance(leaf, str) and model in leaf)
    return next(found, None)


def judge_all(compared, settings):
    """The printed rows of real images and of all runs, and {title: samples} to show."""
    data, data_hash = load(compared, settings.data_dir)
    if len(data.class_names) < 2:
        raise InputError(f'{compared[0].path}: its data have no classes to judge by; name others')
    scores = ['fid', *NATS]
    found = evaluate(compared, scores, settings.num_samples, 0, data_dir=settings.data_dir)
    judge = hire('classifier', data, data_hash, compared[0].config['settings']['dataset'])
    told, shown = real_rows(Bench(data, judge, settings.num_samples, 0)), {}
    for run, (name, result) in zip(compared, found[-len(compared) :], strict=True):
        model, family = restore(run, checkpoint(run)), family_of(run.config['model'])
        samples, seconds = time_drawing(model, data.test_images)
        costs = seconds, minutes(run), f'{parameters(model):,}'
        known = *nats(result['scores'], model.given), result['scores'].get('fid', {}).get('fid')
        told.append([name, family, *known, *costs, probed(probe.sight(model), data)])
        shown[f'{name}: {family}'] = samples[:GRID]
    return told, shown


def real_rows(bench):
    """The rows of training images, grey and black or white, with a probe of their pixels."""
    grey = bench.training(bench.num_samples)
    white = Pictures(binarized(grey.images), bench.judge)
    kinds = {'training images': (grey, lambda images: images), 'binarized': (white, binarized)}
    rows = []
    for name, (images, seen) in kinds.items():
        fid = measure('fid', Row(name, bench, lambda images=images: images))['fid']
        told = probed(lambda images, seen=seen: probe.pixels(seen(images)), bench.data)
        rows.append([name, *[None] * 3, fid, *[None] * 3, told])
    return rows


def nats(scores, given):
    """(negative log-likelihood of black and white test images, how it is known), or two None."""
    for name, (key, kind) in NATS.items():
        if name in scores and scores[name].get('levels', 2) == 2:
            return scores[name][key], f'{kind}, given y' if given == 'labels' else kind
    return None, None


def time_drawing(model, images):
    """(SHOWN samples, seconds to draw them): the median of TIMES drawings after one that compiles.

    A model that takes images gets uint8 `images`.
    """
    latents, seconds = latents_of(model, SHOWN, 0, images), []
    for _ in range(1 + TIMES):
        began = time.perf_counter()
        samples = draw(model, latents)
        seconds.append(time.perf_counter() - began)
    return samples, statistics.median(seconds[1:])


def minutes(run):
    """Those of the run's epochs, by its log."""
    return sum(float(row['seconds']) for row in run.rows()) / 60


def parameters(model):
    """The numbers that training changes."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def probed(see, data):
    """Mean accuracy of a linear probe, and the least and largest of its draws, in percent."""
    if see is None:
        return None
    found = [100 * share for share in probe.accuracies(see, data)]
    return f'{statistics.mean(found):.1f} ({min(found):.1f} to {max(found):.1f})'


def paint(shown):
    """The figure: the tree, and below it {title: samples (GRID, H, W, C)}."""
    columns = min(LINE, len(shown))
    lines = -(-len(shown) // LINE)
    page = figure.page(11, 3.6 + 2 * lines)
    if not shown:
        draw_tree(page.subplots())
        return page
    above, below = page.subfigures(2, 1, height_ratios=[3.6, 2 * lines])
    draw_tree(above.subplots())
    places = below.subplots(lines, columns, squeeze=False).ravel()
    for axes in places:
        axes.set_axis_off()
    for axes, (title, samples) in zip(places, shown.items(), strict=False):
        figure.show(axes, pictures.grid(samples), title)
    return page


def draw_tree(axes):
    """The tree from left to right, a leaf a line with its models behind."""
    found, nodes = list(leaves(TREE)), positions()
    for node, place in nodes.items():
        if len(node) > 1:
            axes.plot(*zip(nodes[node[:-1]], place, strict=True), 'k', linewidth=0.8, zorder=1)
        box = {'boxstyle': 'round', 'facecolor': 'white', 'linewidth': 0.8}
        axes.text(*place, node[-1], ha='center', va='center', fontsize='medium', bbox=box)
    right = 0.6 + max(len(path) - 1 for path, _ in found)
    for line, (path, leaf) in enumerate(found):
        axes.plot([nodes[path][0], right - 0.05], [line, line], 'k:', linewidth=0.8, zorder=1)
        style = {'style': 'italic'} if isinstance(leaf, str) else {'weight': 'bold'}
        told = textwrap.fill(words(leaf), WIDEST)
        axes.text(right, line, told, va='center', fontsize='medium', **style)
    axes.set(xlim=(-0.6, right + 2.2), ylim=(len(found) - 0.5, -0.5))
    axes.set_axis_off()


def positions():
    """{node: (depth, line)}, a node as the names down to it, in the middle of its leaves."""
    lines = {}
    for line, (path, _) in enumerate(leaves(TREE)):
        for depth in range(len(path)):
            lines.setdefault(path[: depth + 1], []).append(line)
    return {node: (len(node) - 1, statistics.mean(own)) for node, own in lines.items()}


if __name__ == '__main__':
    terminal.start(main)

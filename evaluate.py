"""Judges trained models by the classes they draw.

  python evaluate.py --runs=outputs/vae-mnist,outputs/gan-mnist

A classifier, trained once on the data's training split, looks at samples of each run and at the
test images: which classes are there, how evenly, and how many samples it is sure of. Writes
evaluation.json into each run and prints a table.
"""

import console
import datasets
import flags
import runs
from console import InputError
from generate import checkpoint, restore

CONFIDENCE = 0.9


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    values = flags.parse(argv, __doc__, define_flags)
    judged = runs.open_runs(values.runs)
    data, data_hash = load(judged, values.data_dir)
    checkpoints = [checkpoint(run) for run in judged]
    console.load_tensorflow()
    from loop import draw
    from metrics.classifier import classifier

    with console.quiet():
        network, accuracy = classifier(data, data_hash)
    print(f'Classifier: {accuracy:.2%} of the test images right.\n\n{header(data.class_names)}')
    print(line('test images', judge(network, data.test_images, data)))
    for run, arrays in zip(judged, checkpoints, strict=True):
        model = restore(run, run.config, arrays)
        samples = draw(model, model.latents(values.num_samples, values.seed))
        scores = judge(network, samples, data)
        settings = {'num_samples': values.num_samples, 'seed': values.seed}
        settings |= {'step': int(arrays['step']), 'classifier_accuracy': accuracy}
        runs.write_json(run.path / 'evaluation.json', settings | scores._asdict())
        print(line(run.path.name, scores))
    return 0


def define_flags(values):
    """Defines this command's flags on `values`."""
    group, count = 'What to judge', flags.Number(int, 100, 1_000_000)
    flags.define(values, group, 'runs', None, 'directories of runs of one data set')
    flags.define(values, group, 'num_samples', 10000, 'samples of each run', count)
    seed = flags.Number(int, 0, flags.LARGEST_SEED)
    flags.define(values, group, 'seed', 0, "of the samples' latents", seed)
    meaning = "prepared data sets of tensorflow-datasets; by default the first run's directory"
    flags.define(values, group, 'data_dir', None, meaning)


def load(judged, data_dir):
    """The data of the runs, whole, and its hash.

    Raises:
      InputError: the data have no classes, or are not those of the runs.
    """
    settings = judged[0].config['flags']
    place = data_dir or settings['data_dir']
    data = datasets.load(settings['dataset'], place, settings['image_size'])
    if len(data.class_names) < 2:
        raise InputError(f'--runs: {settings["dataset"]} has no classes to judge by')
    data_hash = datasets.fingerprint(data)
    judged[0].check_data(data_hash)
    return data, data_hash


def judge(network, pictures, data):
    """The `Coverage` of uint8 images."""
    from metrics.classifier import probabilities
    from metrics.mode_coverage import mode_coverage

    return mode_coverage(probabilities(network, pictures), data.test_labels, CONFIDENCE)


def header(class_names):
    """The table's head, in Markdown."""
    titles = ['run', 'classes', 'KL (nats)', f'sure ({CONFIDENCE})', *class_names]
    return f'| {" | ".join(titles)} |\n|{" --- |" * len(titles)}'


def line(name, scores):
    """A row of the table, in Markdown; the last columns are the share of each class."""
    total = sum(scores.histogram)
    shares = [f'{count / total:.1%}' for count in scores.histogram]
    cells = [name, f'{scores.present}/{len(shares)}', f'{scores.kl:.3f}', f'{scores.sure:.1%}']
    return f'| {" | ".join(cells + shares)} |'


if __name__ == '__main__':
    console.start(main)

"""How good a model is: scores, and the tables that show them."""


def evaluate(runs, names=('coverage', 'fid'), num_samples=10_000, seed=0):
    """Computes scores of trained runs, and first of real images; finished scores are kept.

    Args:
      runs: `runs.directory.Run`s or their paths, of one data set.
      names: of the scores, as listed by `evaluate.py --help`.
      num_samples: per run.
      seed: of the samples.

    Returns:
      {name of the row: {score: {key: number}}}, the real images first.

    Raises:
      InputError: there are no runs or they are not of one data set, a score is unknown, or there
        are too few samples for a score.
    """
    from evaluation import measuring
    from runs.directory import open_all

    judged = open_all([getattr(run, 'path', run) for run in runs])
    found = measuring.evaluate(judged, measuring.known(names), num_samples, seed)
    return {row: result['scores'] for row, result in found}

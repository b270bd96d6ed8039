"""How good a model is: scores of rows, kept in tables."""


def evaluate(runs, names=('coverage', 'fid'), num_samples=10_000, seed=0):
    """Takes scores of trained runs, of real images in their place first; finished ones are kept.

    Args:
      runs: `runs.directory.Run`s or their paths, of one data set.
      names: of the scores, as `evaluate.py --help` lists them.
      num_samples: of each run.
      seed: of the samples.

    Returns:
      {name of the row: {score: {key: number}}}, the real images first.

    Raises:
      InputError: the runs are none or not of one data set, a score is unknown, or the samples are
        too few for one.
    """
    from evaluation import measuring
    from runs.directory import open_all

    judged = open_all([getattr(run, 'path', run) for run in runs])
    found = measuring.evaluate(judged, measuring.known(names), num_samples, seed)
    return {row: result['scores'] for row, result in found}

"""How good a model is: scores of rows, kept in tables."""


def evaluate(runs, names=('coverage', 'fid'), num_samples=10_000, seed=0):
    """Takes scores of trained runs, of real images in their place first; finished ones are kept.

    Args:
      runs: `runs.directory.Run`s or their paths, of one data set.
      names: of the scores, as `evaluate.py --help` lists them.
      num_samples: of each run.
      seed: of the samples.

    Returns:
      {name of the row: {score: {key: number}}}.

    Raises:
      InputError: the runs are none or not of one data set, or the samples too few for a score.
    """
    from evaluation import measuring
    from runs.directory import open_runs

    judged = open_runs(','.join(str(getattr(run, 'path', run)) for run in runs))
    found = measuring.evaluate(judged, list(names), num_samples, seed)
    return {row: result['scores'] for row, result in found}

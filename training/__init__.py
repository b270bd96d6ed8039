"""Training: one run, its compiled steps, what it tells."""


def train(settings):
    """Trains a run by `flags.settings(...)`, or goes on with it where it stopped.

    Returns:
      The run, a `runs.directory.Run`.

    Raises:
      InputError: for settings that cannot be meant, data that cannot be had, a run that is another.
      KeyboardInterrupt: it was stopped; what was trained is saved.
    """
    from training import setup

    if setup.train(settings):
        raise KeyboardInterrupt
    return setup.run_of(settings)

"""Training: one run, its compiled steps, its log."""


def train(settings):
    """Trains a run with `flags.settings(...)`, or continues it where it stopped.

    Returns:
      The run, a `runs.directory.Run`.

    Raises:
      InputError: invalid settings, unavailable data, or a run that was started with other settings.
      KeyboardInterrupt: it was stopped; what was trained is saved.
    """
    from training import setup

    if setup.train(settings):
        raise KeyboardInterrupt
    return setup.run_of(settings)

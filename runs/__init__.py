"""Run directories: what lies there, from a run to its model, what a model draws."""


def sample(run, count=64, seed=0, given=None, **drawing):
    """Images that a trained run draws.

    Args:
      run: a `runs.directory.Run`, or the path of one.
      count: of images; image i depends on `seed` and i alone.
      given: labels (count,), or images (count, H, W, C) in the model's range, if it takes some.
      drawing: values of the flags that the model draws by.

    Returns:
      (count, H, W, C) uint8.

    Raises:
      InputError: there is no such run, or it has no checkpoint yet.
    """
    from runs.directory import open_run
    from runs.restore import checkpoint, drawing_of, restore
    from support import backend

    run = open_run(getattr(run, 'path', run))
    arrays = checkpoint(run)
    backend.load_tensorflow()
    from runs.drawing import draw

    model = restore(run, arrays)
    return draw(model, model.latents(count, seed, given), **(drawing_of(run) | drawing))

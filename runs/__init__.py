"""Run directories: what they contain, how to restore a model from one, how a model draws."""


def sample(run, count=64, seed=0, labels=None, images=None, **drawing):
    """Images that a trained run draws.

    Args:
      run: a `runs.directory.Run`, or the path of one.
      count: of images; image i depends on `seed` and i alone.
      labels: numbers of the classes to draw in turn, for a model that takes labels.
      images: uint8 (N, H, W, C) to start from in turn, for a model that takes images.
      drawing: values of the model's drawing flags.

    Returns:
      (count, H, W, C) uint8.

    Raises:
      InputError: there is no such run, it has no checkpoint yet, or its model takes no such input.
    """
    from runs.directory import open_run
    from runs.restore import checkpoint, restore
    from support import backend

    run = open_run(getattr(run, 'path', run))
    arrays = checkpoint(run)
    backend.load_tensorflow()
    from runs.drawing import paint

    return paint(restore(run, arrays), count, seed, labels, images, drawing)

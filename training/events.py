"""The log and the samples for TensorBoard."""

import shutil

import tensorflow as tf

import pictures
from support.files import writing

FRAMES = 60


class Events:
    """Log and samples as TensorBoard events, written again from the run so that none is repeated.

    Of the earlier samples only those of FRAMES epochs are written, which keeps starts short.
    """

    def __init__(self, run):
        self.run = run
        directory = run.path / 'tensorboard'
        shutil.rmtree(directory, ignore_errors=True)
        with writing(directory):
            self.writer = tf.summary.create_file_writer(str(directory))
        for row in run.rows():
            self.add(row)
        for epoch in pictures.spaced(run.epochs('samples'), FRAMES):
            self.draw(epoch)

    def add(self, row):
        """Adds a row of the log."""
        with self.writer.as_default(int(row['epoch'])):
            for name, value in row.items():
                if name != 'epoch' and value not in ('', None):
                    tf.summary.scalar(name, float(value))
        self.writer.flush()

    def draw(self, epoch):
        """Adds the samples of an epoch."""
        with self.writer.as_default(epoch):
            tf.summary.image('samples', pictures.load_png(self.run.picture('samples', epoch))[None])

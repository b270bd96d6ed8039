"""Makes the same six steps again and again from one saved state, and prints the digest of each end.

  python tests/repeated.py 'MODEL FLAGS' THREADS TIMES STATE [signals]

The process that finds no state saves its own there. With the word `signals` it gets a thousand of
them a second meanwhile. tests/test_training_bits.py runs this.
"""

import signal
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
STEPS, BATCH, IMAGES = 6, 16, 256


def main(model, threads, times, path, *words):
    """Prints `times` digests, a line each."""
    from support import backend

    backend.limit_threads(threads)
    backend.load_tensorflow()
    loop, path = loop_of(model), Path(path)
    with backend.quiet():
        loop.train(1)
    from support.files import digest, read_arrays, write_arrays

    if not path.exists():
        write_arrays(path, loop.state())
    begin = read_arrays(path)
    if 'signals' in words:
        storm()
    for _ in range(int(times)):
        loop.restore(begin)
        loop.train(STEPS)
        print(digest(loop.state()), flush=True)


def storm():
    """Sends this thread, which computes, signals that a training would answer."""
    from support import startup

    startup.own_stack()
    signal.signal(signal.SIGUSR1, lambda *_: None)
    computing = threading.get_ident()

    def send():
        while True:
            signal.pthread_kill(computing, signal.SIGUSR1)
            time.sleep(0.001)

    threading.Thread(target=send, daemon=True).start()


def loop_of(model):
    """The loop of a model with its flags on few digits, compiled as --xla says."""
    import datasets
    import flags
    from models.shared.build import build
    from training.devices import choose_xla
    from training.loop import Loop

    data = datasets.load('digits', None, None)
    name, *words = model.split()
    command = ['train.py', f'--model={name}', '--dataset=digits', f'--batch_size={BATCH}', *words]
    settings = flags.training(command, '')
    images, labels = data.train_images[:IMAGES], data.train_labels[:IMAGES]
    built = build(images.shape[1:], len(data.class_names), settings)
    xla = choose_xla(settings, built) == 'on'
    return Loop(built, images, labels, BATCH, settings.seed, xla)


if __name__ == '__main__':
    sys.path.insert(0, str(ROOT))
    main(*sys.argv[1:])

"""The processes of the benchmark, as the main process starts and asks them."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile

ENVIRONMENT = {'KERAS_BACKEND': 'tensorflow', 'TF_CPP_MIN_LOG_LEVEL': '2'}
ENVIRONMENT['TF_FORCE_GPU_ALLOW_GROWTH'] = 'true'  # several processes share a GPU's memory


class Child:
    """A process of benchmarks/child.py.

    Attributes:
      flops: operations of a training step an image.
    """

    def __init__(self, words, errors):
        """Starts it with these words of its command line and waits until it is built.

        It writes its mistakes to `errors`, an open file.
        """
        self.name, self.errors = ' on '.join(words[:2]), errors
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'benchmarks.child', *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | ENVIRONMENT,
            text=True,
        )
        self.flops = self.answer()['flops']

    def ask(self, command):
        """What the process answers to a line."""
        print(command, file=self.process.stdin, flush=True)
        return self.answer()

    def answer(self):
        """The next answer; a RuntimeError tells what the process wrote before it died."""
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise RuntimeError(f'{self.name} died:\n{self.errors.read()}')
        return json.loads(line)

    def close(self):
        """Ends the process."""
        with self.process:  # closes its pipes and waits for it
            self.process.kill()


@contextlib.contextmanager
def started(contestants, network, *settings):
    """{name: Child} of {name: (contestant, flags of its own)}, with `settings` for all."""
    with contextlib.ExitStack() as stack:
        children = {}
        for name, (contestant, own) in contestants.items():
            home = stack.enter_context(tempfile.TemporaryDirectory())
            errors = stack.enter_context(tempfile.TemporaryFile('w+'))
            words = [contestant, network, *settings, *own, f'--output_dir={home}']
            children[name] = Child(words, errors)
            stack.callback(children[name].close)
        yield children


def python(*words, **variables):
    """Runs `python words` to its end and returns what it printed; dies with what it wrote.

    `variables` are further ones of its environment.
    """
    command, environment = [sys.executable, *words], os.environ | ENVIRONMENT | variables
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f'{" ".join(words)} died:\n{done.stderr}')
    return done.stdout

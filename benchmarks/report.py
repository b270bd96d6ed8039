"""Tables on the screen and in a Markdown file, and the machine they were measured on."""

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path

from support.files import atomic

PACKAGES = ('tensorflow', 'keras', 'numpy', 'torch')


class Report:
    """A Markdown file that grows by a section at a time, so that an interruption loses little."""

    def __init__(self, path, argv, module):
        """For the file `path`, of what was typed to run `module`."""
        self.path, told = path, origin(argv, module)
        self.text = '# Benchmark\n\n' + told
        print(told)

    def add(self, title, note, header, rows):
        """Adds a table below a title and a sentence, on the screen and in the file."""
        section = f'\n## {title}\n\n{note}\n\n{table(header, rows)}\n'
        print(section, flush=True)
        self.text += section
        with atomic(self.path) as temporary:
            temporary.write_text(self.text)


def table(header, rows):
    """A Markdown table of strings."""
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def origin(argv, module):
    """What was typed to run `module`, on what machine, when; not where the data lie."""
    words = [word for word in argv[1:] if not word.startswith('--data_dir')]
    return '\n'.join(
        [
            f'- command: `{" ".join([f"python -m {module}", *words])}`',
            f'- processor: {processor()}, {os.cpu_count()} cores',
            f'- versions: {", ".join(versions())}',
            f'- date: {datetime.date.today()}',
            '',
        ]
    )


def processor():
    """The processor's name."""
    table = Path('/proc/cpuinfo')
    lines = table.read_text().splitlines() if table.exists() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.processor()


def versions():
    """The versions of Python and of the packages that are installed."""
    yield f'python {platform.python_version()}'
    for name in PACKAGES:
        try:
            yield f'{name} {importlib.metadata.version(name)}'
        except importlib.metadata.PackageNotFoundError:
            yield f'no {name}'

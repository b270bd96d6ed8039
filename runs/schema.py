"""What the files of a run must contain: checked once when they are read, and nowhere else."""

import math
import re

LARGEST_SIDE = 1024
LARGEST_SEED = 2**31 - 1
LONGEST_CODE = 10000
PRECISIONS = ('float32', 'bfloat16', 'float64')
MOST_THREADS = 4096


def is_ours(config):
    """Whether a dictionary is the configuration of a run, of any version."""
    number, data_hash = config.get('format'), config.get('data_hash')
    if not is_count(number) or not isinstance(data_hash, str):
        return False
    return isinstance(
        config.get('settings' if number > 3 else 'flags'), dict
    )  # format 4 named them


def fault(config):
    """What is wrong with a configuration of today's format, in a few words, or None."""
    settings = config['settings']
    for name, wanted in CONFIG.items():
        if name not in config:
            return f'{name} is missing'
        if not wanted(config[name]):
            return f'{name} has an invalid value'
    for name, wanted in SETTINGS.items():
        if name not in settings:
            return f'the flag {name} is missing'
        if not wanted(settings[name]):
            return f'the flag {name} has an invalid value'
    odd = [name for name, value in settings.items() if not is_plain(value)]
    odd += [name for name, value in config.items() if not is_shallow(value)]
    if config.get('xla', 'on') not in ('on', 'off'):
        odd.append('xla')
    return f'{odd[0]} has an invalid value' if odd else None


def is_row(row):
    """Whether a row of log.csv, as csv.DictReader gives it, has an epoch and only numbers."""
    whole = None not in row and None not in row.values()
    epoch = whole and re.fullmatch('[0-9]{1,9}', row.get('epoch', ''))
    return bool(epoch) and all(value == '' or is_number(value) for value in row.values())


def is_number(text):
    """Whether a text is a number; nan and inf are."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_plain(value):
    """Whether a value contains no other values."""
    return value is None or isinstance(value, (bool, int, float, str))


def is_shallow(value):
    """Whether a value is plain, or a list or dictionary of plain values."""
    held = value.values() if isinstance(value, dict) else value
    return is_plain(value) or all(map(is_plain, held))


def is_count(value, most=math.inf):
    """Whether a value is a whole number of at least 1; True, which is an int in Python, is not."""
    return type(value) is int and 1 <= value <= most


def is_word(value):
    """Whether a value is a text that can be printed and can be part of a file name."""
    return isinstance(value, str) and value != '' and value.isprintable()


def is_shape(value):
    """Whether a value is the (H, W, C) of images."""
    square = isinstance(value, list) and len(value) == 3 and value[2] in (1, 3)
    return square and all(is_count(side, LARGEST_SIDE) for side in value)


def are_texts(value):
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def are_names(value):
    """Whether a value is a list of at least one text."""
    return are_texts(value) and value != []


CONFIG = {
    'model': is_word,
    'dataset': is_word,
    'image_shape': is_shape,
    'class_names': are_names,
    'train_images': is_count,
    'test_images': is_count,
    'threads': lambda value: is_count(value, MOST_THREADS),
    'command': are_texts,
}
SETTINGS = {
    'dataset': is_word,
    'train_size': is_count,
    'batch_size': is_count,
    'image_size': lambda value: value is None or is_count(value, LARGEST_SIDE),
    'data_dir': lambda value: value is None or isinstance(value, str),
    'seed': lambda value: value == 0 and type(value) is int or is_count(value, LARGEST_SEED),
    'latent_dim': lambda value: is_count(value, LONGEST_CODE),
    'precision': lambda value: value in PRECISIONS,
}

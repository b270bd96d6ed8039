"""A folder of images that may be larger than memory: coloured squares in ten classes, 64x64 pixels.

Each image has 8x8 squares whose colours are half those of its class, half its own.
"""

import os
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

CLASSES, SQUARES, SCALE = 10, 8, 8


def prepare(folder, count):
    """Writes `count` images into a new folder, which is there as soon as all are.

    Bitmaps, because compressing so many takes minutes.
    """
    partial = Path(f'{folder}.partial')
    for label in range(CLASSES):
        (partial / f'class-{label}').mkdir(parents=True, exist_ok=True)
    for number in tqdm(range(count), unit='img', desc='writing'):
        path = partial / f'class-{number % CLASSES}' / f'{number:06d}.bmp'
        Image.fromarray(image(number)).save(path)
    os.rename(partial, folder)


def image(number):
    """The image (64, 64, 3) uint8 of this number; its class is the number's last digit."""
    own, shared = colours([0, number]), colours([1, number % CLASSES])
    return ((own + shared) // 2).astype(np.uint8).repeat(SCALE, 0).repeat(SCALE, 1)


def colours(seed):
    """Random colours (8, 8, 3) from 0 to 255."""
    return np.random.default_rng(seed).integers(0, 256, (SQUARES, SQUARES, 3))

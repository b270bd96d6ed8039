"""From uint8 arrays to pictures on disk: grids, GIFs, and tables of pictures with captions."""

from pictures.files import load_png, save_png, webp
from pictures.gifs import save_gif, spaced
from pictures.grids import cells, enlarged, grid, load_cells, load_grid, save_grid
from pictures.tables import DPI, figure, size_of, table

__all__ = [
    'DPI',
    'cells',
    'enlarged',
    'figure',
    'grid',
    'load_cells',
    'load_grid',
    'load_png',
    'save_gif',
    'save_grid',
    'save_png',
    'size_of',
    'spaced',
    'table',
    'webp',
]

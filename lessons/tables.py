"""The numbers of a figure as a small table, so that what a lesson says can be checked."""


def tell(heads, rows):
    """Prints rows of words and numbers under their heads; numbers to four digits, None as -."""
    lines = [[word_of(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    for line in [heads, *lines]:
        print('  '.join(map(str.rjust, line, widths)))


def word_of(value):
    """A cell of the table."""
    if value is None:
        return '-'
    return value if isinstance(value, str) else f'{value:.4g}'

"""Rows that benchmarks keep in a CSV file, so that work which was cut short goes on."""

import csv
import fcntl


def read(path):
    """The rows of the file, dictionaries of strings; none if there is no file yet."""
    if not path.exists():
        return []
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def append(path, columns, row):
    """Adds a row to the file, under a line of its columns; several processes may do so at once."""
    with open(path, 'a', newline='') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        writer = csv.DictWriter(file, columns)
        if not file.tell():
            writer.writeheader()
        writer.writerow(row)


def keys(path, *columns):
    """What stands in the file in these columns: a set of tuples of strings."""
    return {tuple(row[column] for column in columns) for row in read(path)}

"""Lesson 11: why two players run round the solution of their game, not into it.

  python -m lessons.circling

The smallest game: one player moves x and minimises xy, the other moves y and maximises it; at
(0, 0) neither can gain. Salimans et al. 2016, section 3 (arXiv:1606.03498), take it as their
example of a game that gradient descent does not solve, and section 3.3 has the cure that is tried
here, historical averaging. Left: where both go when they move at once, in turn, and with historical
averaging. Right: their distance from (0, 0) by move, and the closed form of each. Prints these
distances.
"""

import numpy as np
from scipy.special import rgamma

import flags
import pictures
from lessons import figure
from lessons.tables import tell
from support import terminal
from support.errors import InputError

START = (1.0, 0.0)
SHOWN = 150  # moves on the left
TOLD = (1, 10, 100, 1000, 10000, 100000)  # moves
LOOKS = 200  # at the distance, evenly apart in the logarithm of the move
MANY = 10  # moves from which the form for many moves is shown
STYLES = {'simultaneous': 'C0', 'alternating': 'C1', 'historical averaging': 'C2'}


def main(argv):
    """Draws the figure, prints numbers and where; returns the exit status 0; raises InputError."""
    settings = figure.parse(argv, 'circling', __doc__, define_flags)
    rate, weight, moves = settings.rate, settings.weight, settings.moves
    paths = {name: play(move, moves) for name, move in ways(rate, weight).items()}
    check(paths, settings)
    exact = closed_forms(np.array(looks(moves)), rate, weight)
    tell_numbers(paths, exact)
    figure.save(settings.out, draw(paths, exact))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'How to play'
    meaning = 'the rate r of all steps'
    flags.define(table, group, 'rate', 0.1, meaning, flags.Number(float, 0, 10, above=True))
    meaning = "weight w of historical averaging in both players' losses"
    flags.define(table, group, 'weight', 1.0, meaning, flags.Number(float, 0, 100, above=True))
    meaning = 'how often both players move'
    flags.define(table, group, 'moves', 1000, meaning, flags.Number(int, 10, TOLD[-1]))


def ways(rate, weight):
    """{name: move} of the three ways to play, for `play`."""
    return {
        'simultaneous': lambda point, mean: simultaneous(*point, rate),
        'alternating': lambda point, mean: alternating(*point, rate),
        'historical averaging': lambda point, mean: averaging(*point, *mean, rate, weight),
    }


def simultaneous(x, y, rate):
    """One step of both down the slopes of xy and -xy, from where both stand."""
    return x - rate * y, y + rate * x


def alternating(x, y, rate):
    """The same, but y sees the move of x."""
    x = x - rate * y
    return x, y + rate * x


def averaging(x, y, mean_x, mean_y, rate, weight):
    """Both at once, with weight * (x - mean_x)^2 and weight * (y - mean_y)^2 in their losses.

    The means are of all that x and y were so far, the present included (section 3.3).
    """
    return (
        x - rate * (y + 2 * weight * (x - mean_x)),
        y + rate * (x - 2 * weight * (y - mean_y)),
    )


def play(move, moves):
    """The points (moves + 1, 2) from START on; `move(point, mean)` gives the next.

    `mean` is that of all points so far. A point beyond all numbers is infinite or NaN.
    """
    points = [START]
    mean_x, mean_y = START
    with np.errstate(over='ignore', invalid='ignore'):
        for count in range(2, moves + 2):
            x, y = move(points[-1], (mean_x, mean_y))
            points.append((x, y))
            mean_x, mean_y = mean_x + (x - mean_x) / count, mean_y + (y - mean_y) / count
    return np.array(points)


def check(paths, settings):
    """Raises InputError where a game has left the numbers that a computer has."""
    for name, points in paths.items():
        if not np.isfinite(distance(points)).all():
            told = f'--rate={settings.rate} --moves={settings.moves}: {name}'
            raise InputError(f'{told} goes beyond all numbers; give fewer moves')


def distance(points):
    """That of points (N, 2) from (0, 0): (N,)."""
    return np.hypot(*points.T)


def closed_forms(moves, rate, weight):
    """{name: (moves, distances)} from (0, 0) after moves (N,), without playing.

    That of alternating moves only where they stay on an orbit.
    """
    late = moves[moves >= MANY]
    found = {'simultaneous': (moves, spiral(moves, rate))}
    found |= {'alternating': (moves, orbit(moves, rate))} if rate < 2 else {}
    return found | {'historical averaging': (late, asymptote(late, rate, weight))}


def spiral(moves, rate):
    """Of simultaneous moves: each multiplies x + iy by 1 + ir, so the distance by its size."""
    return (1 + rate**2) ** (moves / 2)


def orbit(moves, rate):
    """Of alternating moves at a rate below 2, after n of them:

        x = cos((n - 1/2) phi) / cos(phi / 2),  y = sin(n phi) / cos(phi / 2),  phi = 2 arcsin(r/2).

    The points lie on the ellipse x^2 + y^2 - r x y = 1.
    """
    half = np.arcsin(rate / 2)
    x, y = np.cos((2 * moves - 1) * half), np.sin(2 * moves * half)
    return np.hypot(x, y) / np.cos(half)


def asymptote(moves, rate, weight):
    """Of historical averaging, after many moves.

    The sum S_t of the first t points, as numbers x + iy, follows the recurrence

        t S_(t+1) = ((1 + a) t + b) S_t - a t S_(t-1),  b = 2 r w,  a = 1 - b + ir,

    which 1 / ((1 - z)^beta (1 - a z)^(1 - beta)) generates: the point after n moves is its
    coefficient of z^n, with beta = b / (1 - a) = 2w / (2w - i). For large n it is the sum of what
    the two singularities give, n^(beta - 1) and a^n n^-beta.
    """
    pull = 2 * rate * weight
    a = 1 - pull + 1j * rate
    beta = pull / (1 - a)
    slow = moves ** (beta - 1) * (1 - a) ** (beta - 1) * rgamma(beta)
    fast = a**moves * moves**-beta * (1 - 1 / a) ** -beta * rgamma(1 - beta)
    return np.abs(slow + fast)


def looks(moves):
    """The moves after which the distance is shown: those of TOLD, and others."""
    told = {move for move in TOLD if move <= moves}
    return sorted({*pictures.spaced(range(1, moves + 1), LOOKS), *told, moves})


def tell_numbers(paths, exact):
    """Prints the distances by move, of `play` and by the closed form."""
    heads = [word for name in paths for word in (name, 'closed form')]
    played = {name: distance(points) for name, points in paths.items()}
    known = {name: dict(zip(*found, strict=True)) for name, found in exact.items()}
    rows = [
        [str(m), *(x for n in paths for x in (played[n][m], known.get(n, {}).get(m)))]
        for m in TOLD
        if m < len(played['simultaneous'])
    ]
    tell(['moves', *heads], rows)


def draw(paths, exact):
    """The figure of {name: points} and of their `closed_forms`."""
    page = figure.page(11, 3.4)
    *left, right = page.subplots(1, 4, width_ratios=[1, 1, 1, 1.6])
    for axes, (name, points) in zip(left, paths.items(), strict=True):
        draw_path(axes, points[: SHOWN + 1], STYLES[name])
        axes.set(title=name, xlabel='x')
    left[0].set_ylabel('y')
    draw_distances(right, paths, exact)
    figure.plain_ticks(*left, right)
    return page


def draw_path(axes, points, style):
    """A game from its first point, a dot; the cross is where it should end."""
    axes.plot(*points.T, style, linewidth=0.8)
    axes.plot(*points[0], f'{style}o', markersize=4)
    axes.plot(0, 0, 'k+', markersize=9)
    reach = 1.1 * np.abs(points).max()
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect='equal')
    axes.grid(alpha=0.3)


def draw_distances(axes, paths, exact):
    """The distances from (0, 0) by move, and their closed forms, dotted."""
    for name, points in paths.items():
        axes.plot(distance(points), STYLES[name], label=name)
    for name, found in exact.items():
        axes.plot(*found, 'k:', label='closed form' if name == 'simultaneous' else None)
    axes.set(xscale='log', yscale='log', xlim=(1, None), title='Distance from (0, 0)')
    axes.set(xlabel='moves')
    axes.legend(fontsize='small')
    axes.grid(alpha=0.3)


if __name__ == '__main__':
    terminal.start(main)

"""The Mandelbrot set, line by line on all processors: lines in the middle take much longer than those at the edge."""

import weft

WIDTH, HEIGHT, DEPTH = 280, 120, 400


def steps(point):
    """After how many steps the point escapes; DEPTH if it has not by then."""
    z = 0
    for step in range(DEPTH):
        z = z * z + point
        if abs(z) > 2:
            return step
    return DEPTH


def line(y):
    """One line of the picture."""
    return [steps(complex(-2.2 + 3.2 * x / WIDTH, 1.2 - 2.4 * y / HEIGHT)) for x in range(WIDTH)]


run = weft.map(line, range(HEIGHT), on="process")
picture = run.results()

for row in picture[12:-12:6]:
    print("".join(" .:-=+*#%@"[min(count.bit_length(), 9)] for count in row[::4]))
inside = sum(row.count(DEPTH) for row in picture)
print(f"{inside:,} of {WIDTH * HEIGHT:,} points are in the set")
print(f"{run.stats.seconds:.2f} s on {run.explain().headline}")

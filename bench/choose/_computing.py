"""Functions that compute: in Python, in C that keeps the GIL, in C that lets go of it."""

from __future__ import annotations

import bz2
import csv
import difflib
import hashlib
import html.parser
import io
import json
import math
import random
import re
import xml.etree.ElementTree as ET
import zlib
from collections import Counter
from typing import Any

# ── pictures, numbers, simulations: pure Python ───────────────────────────────────────────────────────────


def mandelbrot(row: int) -> int:
    """Turns until the points of a row leave."""
    imaginary, turns = -1.2 + 2.4 * row / 150, 0
    for column in range(320):
        real = -2.2 + 3.2 * column / 320
        x = y = 0.0
        for _ in range(200):
            x, y = x * x - y * y + real, 2 * x * y + imaginary
            turns += 1
            if x * x + y * y > 4.0:
                break
    return turns


def julia(row: int) -> int:
    """The same with complex numbers, another set."""
    turns = 0
    for column in range(320):
        z = complex(-1.5 + 3 * column / 320, -1.5 + 3 * row / 160)
        left = 120
        while left and abs(z) < 2:
            z = z * z + complex(-0.7, 0.27015)
            left -= 1
        turns += 120 - left
    return turns


def pi_by_chance(seed: int) -> int:
    """Points within the circle."""
    draw = random.Random(seed).random
    return sum(draw() ** 2 + draw() ** 2 <= 1.0 for _ in range(20_000))


def pi_by_digits(digits: int) -> str:
    """By Machin's formula, with long integers."""
    one = 10 ** (digits + 10)

    def arctan(x: int) -> int:
        power = total = one // x
        n, sign = 3, -1
        while power:
            power //= x * x
            total += sign * (power // n)
            n, sign = n + 2, -sign
        return total

    return str(4 * (4 * arctan(5) - arctan(239)))[-20:]


def factors(number: int) -> list[int]:
    """By trial."""
    found, divisor = [], 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor += 1 if divisor == 2 else 2
    return [*found, number] if number > 1 else found


def factor_by_rho(number: int) -> int:
    """One factor, by Pollard's method."""
    for shift in range(1, 20):
        slow = fast = 2
        common = 1
        while common == 1:
            slow = (slow * slow + shift) % number
            fast = (fast * fast + shift) % number
            fast = (fast * fast + shift) % number
            common = math.gcd(abs(slow - fast), number)
        if common != number:
            return common
    return number


def random_walk(seed: int) -> int:
    """How far it got."""
    steps = random.Random(seed).choices(((0, 1), (1, 0), (0, -1), (-1, 0)), k=12_000)
    x = y = furthest = 0
    for right, up in steps:
        x, y = x + right, y + up
        furthest = max(furthest, x * x + y * y)
    return furthest


def bodies(seed: int) -> float:
    """Some bodies that draw each other, for some time."""
    draw = random.Random(seed).uniform
    places = [[draw(-1, 1) for _ in range(3)] for _ in range(5)]
    speeds = [[0.0] * 3 for _ in range(5)]
    for _ in range(120):
        for i, here in enumerate(places):
            for j, there in enumerate(places):
                if i != j:
                    apart = [b - a for a, b in zip(here, there, strict=True)]
                    pull = 0.001 / (sum(part * part for part in apart) + 0.1) ** 1.5
                    speeds[i] = [speed + part * pull for speed, part in zip(speeds[i], apart, strict=True)]
        places = [[a + b * 0.01 for a, b in zip(*pair, strict=True)] for pair in zip(places, speeds, strict=True)]
    return sum(map(sum, places))


def life(seed: int) -> int:
    """Cells alive after some generations."""
    draw = random.Random(seed)
    alive = {(draw.randrange(40), draw.randrange(40)) for _ in range(300)}
    for _ in range(8):
        near = Counter((x + i, y + j) for x, y in alive for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j)
        alive = {cell for cell, count in near.items() if count == 3 or (count == 2 and cell in alive)}
    return len(alive)


def queens(size: int) -> int:
    """Ways to put as many queens on a board."""

    def place(row: int, columns: int, left: int, right: int) -> int:
        if row == size:
            return 1
        free = ~(columns | left | right) & ((1 << size) - 1)
        found = 0
        while free:
            spot = free & -free
            free ^= spot
            found += place(row + 1, columns | spot, (left | spot) << 1, (right | spot) >> 1)
        return found

    return place(0, 0, 0, 0)


def spin(turns: int) -> int:
    """A loop."""
    total = 0
    for turn in range(turns):
        total += turn & 3
    return total


# ── text and data ─────────────────────────────────────────────────────────────────────────────────────────


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.count += tag == "a" and bool(dict(attributes).get("href"))


def links(page: str) -> int:
    """Links of an HTML page, by the standard library's parser."""
    parser = _Links()
    parser.feed(page)
    return parser.count


def links_by_lxml(page: str) -> int:
    """The same by lxml."""
    import lxml.html

    return len(lxml.html.fromstring(page).findall(".//a"))


def xml_total(page: str) -> int:
    """Numbers in an XML document, added up."""
    return sum(int(each.get("n", 0)) for each in ET.fromstring(page).iter("row"))


def json_whole(text: str) -> Any:
    """The document: a large result."""
    return json.loads(text)


def json_total(text: str) -> float:
    """One number of it."""
    return float(sum(each["value"] for each in json.loads(text)))


def json_written(seed: int) -> str:
    """A document, written."""
    draw = random.Random(seed)
    return json.dumps([{"id": n, "value": draw.random(), "tags": ["a", "b"]} for n in range(1_500)])[-200:]


def csv_total(text: str) -> float:
    """A column added up."""
    return sum(float(row["price"]) * int(row["count"]) for row in csv.DictReader(io.StringIO(text)))


def csv_written(count: int) -> int:
    """A table, written."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerows([n, n * n, f"row {n}", n % 7] for n in range(count))
    return len(file.getvalue())


def common_words(text: str) -> list[tuple[str, int]]:
    """The ten most common."""
    return Counter(re.findall(r"[a-z]+", text)).most_common(10)


def matches(text: str) -> int:
    """A regular expression, over all of a text."""
    return len(re.findall(r"(?:a|b)+c[d-f]*g?", text))


def distance(pair: tuple[str, str]) -> int:
    """Changes from one word to another."""
    one, other = pair
    before = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
        before = row
    return before[-1]


def likeness(pair: tuple[str, str]) -> float:
    """How alike two texts are."""
    return round(difflib.SequenceMatcher(None, *pair).ratio(), 6)


# ── C that lets go of the GIL, or does not ────────────────────────────────────────────────────────────────


def compressed(data: bytes) -> int:
    return len(zlib.compress(data, 6))


def compressed_hard(data: bytes) -> int:
    return len(bz2.compress(data))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def key_of(password: bytes) -> str:
    return hashlib.pbkdf2_hmac("sha256", password, b"salt", 8_000).hex()


def product(seed: int) -> float:
    """BLAS, which has threads of its own."""
    import numpy as np

    matrix = np.full((400, 400), 1.0 + seed % 3)
    return float((matrix @ matrix)[0, 0])


def solved(seed: int) -> float:
    """LAPACK."""
    import numpy as np

    matrix = np.random.default_rng(seed).random((160, 160)) + np.eye(160) * 10
    return round(float(np.linalg.solve(matrix, np.ones(160)).sum()), 9)


def waves(seed: int) -> float:
    """NumPy without BLAS: large arrays, element by element."""
    import numpy as np

    x = np.arange(150_000, dtype=np.float64) + seed
    return float((np.sin(x) * np.exp(-x * 1e-6)).sum())


def ordered(seed: int) -> float:
    """NumPy: a sort and a transform."""
    import numpy as np

    numbers = np.random.default_rng(seed).random(60_000)
    return round(float(np.sort(numbers)[::100].sum() + abs(np.fft.rfft(numbers)[3])), 6)


def small_arrays(seed: int) -> float:
    """NumPy on arrays so small that Python is all there is to it."""
    import numpy as np

    three, total = np.array([1.0, 2.0, float(seed)]), 0.0
    for n in range(400):
        total += float((three * 1.5 + n)[0])
    return total


def thumbnail(seed: int) -> tuple[int, int, int]:
    """A picture, made smaller by Pillow."""
    from PIL import Image

    picture = Image.radial_gradient("L").resize((900 + seed % 3, 700)).resize((200, 150), Image.Resampling.LANCZOS)
    return (*picture.size, picture.getpixel((20, 20)))


def blurred(seed: int) -> int:
    """A picture in pure Python: each point the mean of those around it."""
    draw = random.Random(seed)
    width, height = 48, 36
    picture = [[draw.randrange(256) for _ in range(width)] for _ in range(height)]
    total = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            total += sum(picture[y + j][x + i] for j in (-1, 0, 1) for i in (-1, 0, 1)) // 9
    return total

"""Parsing HTML and JSON: a shop's pages and its stock list, read, taken apart and put together again."""

import json
from html.parser import HTMLParser

import weft


class Offer(HTMLParser):
    """What a page offers: the text of each element with an id."""

    def __init__(self):
        super().__init__()
        self.found, self._inside = {}, None

    def handle_starttag(self, tag, attrs):
        """Take note of where we are."""
        self._inside = dict(attrs).get("id")

    def handle_data(self, data):
        """Keep what is said there."""
        if self._inside is not None:
            self.found[self._inside] = self.found.get(self._inside, "") + data.strip()

    def handle_endtag(self, tag):
        """Nothing that follows belongs to it."""
        self._inside = None


def page(number):
    """A page as a shop has it: little to find, much around it."""
    around = "".join(f'<p class="c{n}">See <a href="/{n}">number {n}</a> &amp; more<br/></p>' for n in range(40))
    return (
        f"<!doctype html><html><body>{around}<h1 id=name>Cloth no. {number}</h1>"
        f"<b id=price>{number % 50 + 1}.50 &euro;</b>{around}</body></html>"
    )


def stock(numbers):
    """A line of JSON for many articles, as it comes from a warehouse."""
    return json.dumps(
        [{"article": n, "pieces": n * 7 % 40, "where": {"row": n // 10, "shelf": n % 10}} for n in numbers]
    )


def offer(text):
    """Name and price of a page."""
    parser = Offer()
    parser.feed(text)
    return parser.found["name"], float(parser.found["price"].removesuffix(" €"))


def pieces(line):
    """How many pieces there are of each article in a line."""
    return {entry["article"]: entry["pieces"] for entry in json.loads(line)}


pages = [page(number) for number in range(400)]
lines = [stock(range(first, first + 100)) for first in range(0, 400, 100)]

run = weft.map(offer, pages)
offers = run.results()
here = {}
for found in weft.map(pieces, lines):
    here |= found

worth = sum(price * here[number] for number, (_, price) in enumerate(offers))
print(f"{len(offers)} articles, {sum(here.values()):,} pieces, worth {worth:,.2f} €")
print(run.explain().headline)

assert offers[42] == ("Cloth no. 42", 43.5)

"""Downloading and uploading: pictures are fetched, made smaller and sent back, each step on workers of its own.

The server is a small one that this program starts; it answers after 20 ms, and refuses one upload in seven at first.
"""

import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

import weft

STORED, REFUSED = {}, set()


class Store(BaseHTTPRequestHandler):
    """GET gives a picture, PUT takes one."""

    def do_GET(self):
        """A picture of 40 kB, the same for the same number."""
        time.sleep(0.02)
        number = int(self.path.removeprefix("/picture/"))
        self._say(200, bytes((number + n * n) % 251 for n in range(40_000)))

    def do_PUT(self):
        """Take what comes; be too busy for some of it, once."""
        time.sleep(0.02)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        number = int(self.path.removeprefix("/small/"))
        if number % 7 == 0 and number not in REFUSED:
            REFUSED.add(number)
            self._say(503, b"busy")
        else:
            STORED[number] = body
            self._say(201, b"stored")

    def _say(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """One that lets more than five clients knock at the same moment."""

    request_queue_size = 100


with Server(("127.0.0.1", 0), Store) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = f"http://127.0.0.1:{server.server_port}"

    def download(number):
        """The picture of that number."""
        with urlopen(f"{site}/picture/{number}", timeout=10) as answer:
            return number, answer.read()

    def shrink(number, picture):
        """Every fourth point, packed."""
        return number, zlib.compress(picture[::4], 9)

    def upload(number, picture):
        """Send it back; an answer such as 503 is an error, and errors are tried again."""
        with urlopen(Request(f"{site}/small/{number}", data=picture, method="PUT"), timeout=10) as answer:
            return answer.status

    flow = (
        weft.pipeline(range(80))
        .map(download, on="thread", max_workers=10)
        .starmap(shrink, on="process")
        .starmap(upload, on="thread", max_workers=10, retries=3)
    )
    with flow.run() as run:
        answers = run.results()
        tried_again = run.stats.retried
    server.shutdown()

print(f"{answers.count(201)} pictures sent back, {tried_again} of them at the second try")
print(run.explain().headline)
assert len(STORED) == 80
assert all(len(zlib.decompress(picture)) == 10_000 for picture in STORED.values())

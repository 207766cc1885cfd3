"""Download many pages with threads: the function is plain `urllib`, and most of its time it waits.

The pages come from a small server that this program starts, so it needs no network.
"""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

import weft


class Pages(BaseHTTPRequestHandler):
    """Answers after a tenth of a second, as a server far away would."""

    def do_GET(self):
        """Send a page as long as its number."""
        time.sleep(0.1)
        body = b"x" * int(self.path.removeprefix("/page/"))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


def download(url):
    """The page's length."""
    with urlopen(url, timeout=10) as answer:
        return len(answer.read())


class Server(ThreadingHTTPServer):
    """One that lets more than five clients knock at the same moment."""

    request_queue_size = 100


with Server(("127.0.0.1", 0), Pages) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    urls = [f"http://127.0.0.1:{server.server_port}/page/{number}" for number in range(60)]

    run = weft.map(download, urls, on="thread", max_workers=20)
    lengths = run.results()
    server.shutdown()

print(f"{len(lengths)} pages, {sum(lengths):,} bytes")
print(run.explain())

assert lengths == list(range(60))
assert run.stats.seconds < 60 * 0.1  # which is what a plain loop has to wait

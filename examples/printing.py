"""Printing documents: invoices become PDF files in processes, and go to two printers that speak LPD (RFC 1179).

The printers are small servers that this program starts, and take a moment for each page. The name of a real one, and
port 515, may stand in their place.
"""

import socketserver
import threading
import time
from socket import create_connection

import weft

PRINTED = []
FONT = "<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"


class Printer(socketserver.StreamRequestHandler):
    """Takes print jobs: a command, then files of which each is announced by its size, and a zero after each."""

    def handle(self):
        """One job: what is to be printed, and what it is called."""
        if not self.rfile.readline().startswith(b"\x02"):  # "receive a job"
            return
        self.wfile.write(b"\0")
        while line := self.rfile.readline():
            size = int(line[1:].split()[0])
            self.wfile.write(b"\0")
            content = self.rfile.read(size)
            self.rfile.read(1)
            if line[:1] == b"\x03":  # a data file; \x02 is one that says how to print it
                with self.server.paper:  # one page at a time
                    time.sleep(0.05)
                PRINTED.append(content)
            self.wfile.write(b"\0")


class Queue(socketserver.ThreadingTCPServer):
    """A printer in the network."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Printer)
        self.paper = threading.Lock()


def invoice(number):
    """An invoice as a PDF file of one page, written by hand."""
    lines = [f"Invoice {number}", f"{number % 9 + 1} bolts of cloth at 12.50", f"Total {(number % 9 + 1) * 12.5:.2f}"]
    text = "BT /F 14 Tf 18 TL 72 760 Td " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources {FONT} >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
    ]
    pdf, places = "%PDF-1.4\n", []
    for place, each in enumerate(objects, 1):
        places.append(len(pdf))
        pdf += f"{place} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(pdf)}\n%%EOF\n"
    return number, (pdf + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}" + end).encode()


def send(connection, message):
    """One step of the conversation; the printer says zero to what it takes."""
    connection.sendall(message)
    if connection.recv(1) != b"\0":
        raise OSError("the printer did not take it")


def print_on(printers, job):
    """Give a document to the printer whose turn it is."""
    number, document = job
    name = f"A{number:03}weft"
    orders = f"Hweft\nPweft\nldf{name}\nNinvoice-{number}.pdf\n".encode()
    with create_connection(printers[number % len(printers)], timeout=10) as connection:
        send(connection, b"\x02lp\n")
        for kind, file, content in ((2, "cf", orders), (3, "df", document)):
            send(connection, f"{chr(kind)}{len(content)} {file}{name}\n".encode())
            send(connection, content + b"\0")
    return number


with Queue() as left, Queue() as right:
    for printer in (left, right):
        threading.Thread(target=printer.serve_forever, daemon=True).start()
    addresses = [left.server_address, right.server_address]
    flow = (
        weft.pipeline(range(1, 21), name="invoices")
        .map(invoice, on="process")
        .map(lambda job: print_on(addresses, job), on="thread", max_workers=2, retries=2)
    )
    with flow.run() as run:
        done = run.results()
    left.shutdown()
    right.shutdown()

print(f"{len(done)} invoices printed on two printers, {sum(map(len, PRINTED)):,} bytes")
assert sorted(PRINTED) == sorted(document for _, document in map(invoice, done))

"""Reading and writing files: a folder is packed, file by file, and what was written is read back and compared."""

import gzip
import hashlib
import tempfile
from pathlib import Path

import weft

with tempfile.TemporaryDirectory() as folder:
    plain, packed = Path(folder) / "plain", Path(folder) / "packed"
    plain.mkdir()
    packed.mkdir()
    for number in range(300):
        text = "\n".join(f"{number}, {line}, {number * line % 97}" for line in range(400))
        (plain / f"{number:03}.csv").write_text(text)

    def pack(path):
        """Write the file's content packed, first under another name: a half-written one is never taken for a whole."""
        content = path.read_bytes()
        target = packed / f"{path.name}.gz"
        partly = target.with_suffix(".part")
        with gzip.open(partly, "wb", compresslevel=6) as file:
            file.write(content)
        partly.replace(target)
        return hashlib.sha256(content).hexdigest(), len(content), target

    def check(digest, size, path):
        """How many bytes were saved; an error if it does not come out as it went in."""
        content = gzip.decompress(path.read_bytes())
        if hashlib.sha256(content).hexdigest() != digest:
            raise OSError(f"{path.name} is damaged")
        return size - path.stat().st_size

    written = weft.map(pack, sorted(plain.iterdir())).results()
    saved = weft.starmap(check, written).results()
    print(f"{len(written)} files, {sum(size for _, size, _ in written):,} bytes, {sum(saved):,} of them saved")

    (packed / "007.csv.gz").write_bytes(gzip.compress(b"something else"))
    again = weft.starmap(check, written, on_error="skip")
    again.results()
    print("and after somebody was there:", [str(failure.error) for failure in again.failures])

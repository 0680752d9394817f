"""Pictures drawn anew by Pillow, in a process of its own with little memory and time.

`PillowImages` starts this very file as a program: picture in, PNG out. A decoder that a picture
leads astray takes no more than that process along.
"""

import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

#: Formats by what the bytes are, never by what anybody calls them.
FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
PIXELS_MAX: Final = 12_000_000
SIDE_MAX: Final = 10_000
MEMORY_BYTES: Final = 512 * 1024 * 1024
SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class PillowImages:
    """Implements `idp.ports.images.Images`."""

    def redrawn(self, body: bytes, *, side: int) -> bytes:
        import subprocess  # noqa: PLC0415 - the program below needs none of it

        from idp.ports.images import NoImage  # noqa: PLC0415 - see above

        command = [sys.executable, "-I", str(Path(__file__)), str(side)]
        try:
            done = subprocess.run(  # noqa: S603 - our own file, and a number
                command, input=body, capture_output=True, timeout=2 * SECONDS, env={}, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise NoImage from error
        if done.returncode != 0 or not done.stdout:
            raise NoImage
        return done.stdout


def draw(body: bytes, side: int) -> bytes:
    """Return the picture as a PNG; raises whatever the library does."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - in the process of its own alone

    with Image.open(BytesIO(body), formats=FORMATS) as found:
        width, height = found.size
        if width * height > PIXELS_MAX or max(width, height) > SIDE_MAX or min(width, height) < 1:
            raise ValueError("the picture is too large")
        found.draft("RGB", (side, side))
        upright = ImageOps.exif_transpose(found)
        fitted = ImageOps.contain(upright.convert("RGBA"), (side, side))
    drawn = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    drawn.paste(fitted, ((side - fitted.width) // 2, (side - fitted.height) // 2))
    written = BytesIO()
    drawn.save(written, "PNG", optimize=True)
    return written.getvalue()


def main() -> None:
    """Draw what comes on standard input; whatever goes wrong ends this process, not the server."""
    import resource  # noqa: PLC0415 - POSIX, where servers run
    import warnings  # noqa: PLC0415 - see above

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    warnings.simplefilter("error")
    sys.stdout.buffer.write(draw(sys.stdin.buffer.read(), int(sys.argv[1])))


if __name__ == "__main__":
    main()

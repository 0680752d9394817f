"""Bodies of requests: read whole, in their own time, before anything looks at them (R-16, IN-1).

The server's threads read bodies, and wait as long as a caller lets them. So only some of them may
wait at once, fewer for one caller, and who brings nothing is cut off. A proxy that keeps requests
until they are whole spares us all of it (docs/operate.md).
"""

import io
from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from threading import Condition, Event, Lock, Thread, get_ident
from typing import IO, TYPE_CHECKING, Final

from idp.ports.clock import Clock

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: Bodies that may be waited for at once in a process, and those of one caller among them.
PLACES: Final = 12
PLACES_OF_ONE: Final = 8
#: A body that is there is read in less; whoever finds no place is told to come again.
PATIENCE_SECONDS: Final = 0.1
#: How long a body may take; a caller that goes on bringing something has the longer time.
BODY_SECONDS: Final = 30.0
WHOLE_SECONDS: Final = 75.0
#: A connection that brought nothing for so long is one of those that are waited for.
SILENT_SECONDS: Final = 5.0

#: So much of a body that is too large is read and dropped: who still sends one, as a proxy does,
#: takes the end of the connection for a failure of ours and never sees the refusal (RFC 9112 §9.6).
DROPPED_MAX: Final = 4 * 1024 * 1024

_LOOK_SECONDS: Final = 2.0
_CHUNK: Final = 65536
_KEPT: Final = "siapkerja.large_body"

#: Ends what connections of a caller bring, those that brought nothing for so many seconds.
CutOff = Callable[[str, float], None]


class Bodies:
    """Reads bodies. `cut_off`: takes the caller's own address, a proxy's where it is one."""

    def __init__(self, clock: Clock, cut_off: CutOff) -> None:
        self._clock = clock
        self._cut_off = cut_off
        self._lock = Lock()
        self._free = Condition(self._lock)
        self._waiting = 0
        self._reading: dict[str, int] = {}
        self._began: dict[int, tuple[float, str]] = {}
        self._stopped = Event()

    def start(self) -> None:
        """Begin to look for callers that bring nothing; call it after a fork."""
        self._stopped.clear()
        Thread(target=self._watch, name="slow-bodies", daemon=True).start()

    def stop(self) -> None:
        """End that."""
        self._stopped.set()

    def read(self, environ: "WSGIEnvironment", most: int) -> int | None:
        """Put the body that came in the place of what is still to be read.

        `most`: bytes. Returns the status to refuse with: 400 (it ended early), 408 (too slow), 413
        or 503 (too many are waited for).
        """
        told = environ.get("CONTENT_LENGTH")
        is_chunked = not told and "HTTP_TRANSFER_ENCODING" in environ
        length = None if is_chunked else int(told or 0)
        if length == 0:
            return None
        declared = length or 0
        if declared > max(most, DROPPED_MAX):
            return 413
        caller, began = environ["siapkerja.address"], self._clock.monotonic()
        if not self._take_place(caller, began, environ.get("REMOTE_ADDR", "")):
            return 503
        try:
            if declared > most:
                _drop(environ["wsgi.input"])
                return 413
            body, size = _read(environ["wsgi.input"], most + 1 if length is None else length)
            if size > most:
                _drop(environ["wsgi.input"])
                return 413
        finally:
            self._give_place(caller)
        if length is not None and size < length:
            return 408 if self._clock.monotonic() - began >= BODY_SECONDS else 400
        environ["wsgi.input"] = body
        if not isinstance(body, io.BytesIO):
            environ[_KEPT] = body
        environ["CONTENT_LENGTH"] = str(size)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return None

    @staticmethod
    def forget(environ: "WSGIEnvironment") -> None:
        """Give back what a large body was kept in, once the request is answered."""
        kept = environ.pop(_KEPT, None)
        if kept is not None:
            kept.close()

    def _take_place(self, caller: str, began: float, remote: str) -> bool:
        """Take one of the places for this thread; `False` where none comes free."""
        # most bodies find one: a condition's own ways cost more than the body (`make bench`)
        with self._lock:
            if not self._has_place(caller):
                self._waiting += 1
                is_free = self._free.wait_for(lambda: self._has_place(caller), PATIENCE_SECONDS)
                self._waiting -= 1
                if not is_free:
                    return False
            self._reading[caller] = self._reading.get(caller, 0) + 1
            self._began[get_ident()] = began, remote
        return True

    def _give_place(self, caller: str) -> None:
        with self._lock:
            del self._began[get_ident()]
            left = self._reading[caller] - 1
            if left:
                self._reading[caller] = left
            else:
                del self._reading[caller]
            if self._waiting:
                self._free.notify_all()

    def _has_place(self, caller: str) -> bool:
        return len(self._began) < PLACES and self._reading.get(caller, 0) < PLACES_OF_ONE

    def _watch(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            self.cut_slow_ones()

    def cut_slow_ones(self) -> None:
        """Cut off every caller whose body takes too long."""
        now = self._clock.monotonic()
        with self._lock:
            waited_for = list(self._began.values())
        slow = {remote for began, remote in waited_for if now - began >= BODY_SECONDS}
        dripping = {remote for began, remote in waited_for if now - began >= WHOLE_SECONDS}
        for remote in slow:
            self._cut_off(remote, 0.0 if remote in dripping else SILENT_SECONDS)


def _read(source: IO[bytes], length: int) -> tuple[IO[bytes], int]:
    """Return what comes, at most so many bytes, ready to be read again, and its size."""
    if length <= _CHUNK + 1:
        body = source.read(length)
        return io.BytesIO(body), len(body)
    # a picture: on the disk beyond what a form has
    kept: IO[bytes] = SpooledTemporaryFile(max_size=_CHUNK)  # noqa: SIM115 - `forget` closes it
    size = 0
    while size < length and (chunk := source.read(min(_CHUNK, length - size))):
        kept.write(chunk)
        size += len(chunk)
    kept.seek(0)
    return kept, size


def _drop(source: IO[bytes]) -> None:
    """Read what comes of a body that is refused, and keep nothing of it."""
    left = DROPPED_MAX
    while left > 0 and (chunk := source.read(min(_CHUNK, left))):
        left -= len(chunk)

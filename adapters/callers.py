"""Connections of callers to this process, by what the kernel says of them (Linux)."""

import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Where `struct tcp_info` has `tcpi_last_data_recv`, in milliseconds (linux/tcp.h).
_LAST_DATA_AT = 52


def cut_off(remote: str, silent_seconds: float) -> None:
    """Let nothing more come from a caller by connections that brought nothing for so long.

    What is read of them ends; what is answered still goes out. No effect elsewhere than on Linux.
    """
    if sys.platform != "linux":
        return
    found = list(_sockets())
    listening = (socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    ours = {each.getsockname()[1] for each in found if each.getsockopt(*listening)}
    for each in found:
        with each, suppress(OSError):
            is_caller = each.getsockname()[1] in ours and each.getpeername()[0] == remote
            if is_caller and _silent_for(each) >= silent_seconds:
                each.shutdown(socket.SHUT_RD)


def _sockets() -> Iterator[socket.socket]:
    """Yield every TCP socket of this process, as a copy that is to be closed."""
    for place in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            copy = os.dup(int(place.name))
            try:
                found = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)
                continue
            is_tcp = found.type == socket.SOCK_STREAM and found.family != socket.AF_UNIX
            if is_tcp:
                yield found
            else:
                found.close()


def _silent_for(connection: socket.socket) -> float:
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_AT + 4)
    milliseconds: int = struct.unpack_from("I", told, _LAST_DATA_AT)[0]
    return milliseconds / 1000

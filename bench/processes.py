"""Starting, awaiting and ending processes on this machine."""

import http.client
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_END_SECONDS = 15.0


def free_port() -> int:
    """Return a port on which nothing listens at the moment."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def output_of(command: Sequence[str | Path], **more: Any) -> str:
    """Return what a command prints; `RuntimeError` with its complaint if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        name = " ".join([Path(command[0]).name, *map(str, command[1:3])])
        raise RuntimeError(f"{name}: {done.stdout[-500:]}{done.stderr[-1500:]}")
    return str(done.stdout)


def until(is_done: Callable[[], bool], seconds: float, server: subprocess.Popen[Any]) -> None:
    """Wait for a server; `RuntimeError` if it ends or takes longer."""
    deadline = time.monotonic() + seconds
    while not is_done():
        if server.poll() is not None:
            raise RuntimeError(f"a server ended at its start, with {server.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError("a server does not become ready")
        time.sleep(0.01)


def answers(port: int, path: str) -> bool:
    """Return whether a server answers 200 at a path."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def ended_quietly(process: subprocess.Popen[str]) -> None:
    """End a helper of ours that ends with its input."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def ended(server: subprocess.Popen[Any], how: signal.Signals) -> None:
    """End a process that we started, kindly at first."""
    if server.poll() is not None:
        return
    server.send_signal(how)
    try:
        server.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()

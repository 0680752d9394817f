"""A client's own web server that publishes a key set, and misbehaves on demand."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.servers import answering


@dataclass
class KeyServer:
    """`document` is what it answers with; `status`, `headers`, `raw` bend the answer.

    `asked` counts requests.
    """

    port: int = 0
    document: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    asked: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/jwks"


@contextmanager
def running_key_server(document: Any = None) -> Iterator[KeyServer]:
    """Serve while the block runs, on a free port."""
    told = KeyServer(document=document)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked += 1
            body = told.raw if told.raw is not None else json.dumps(told.document).encode()
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with answering(Handler) as told.port:
        yield told

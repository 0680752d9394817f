"""What a pretend portal remembers of its accounts, and of what it was asked."""

from threading import Lock


class OldAccounts:
    """Passwords of old accounts, by portal and identifier there."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._passwords: dict[tuple[str, str], str] = {}
        self._nonces: set[str] = set()
        self.calls = 0

    def put(self, source: str, source_id: str, password: str) -> None:
        """Keep an account."""
        with self._lock:
            self._passwords[source, source_id] = password

    def is_right(self, source: str, source_id: str, password: str) -> bool:
        """Return whether it is the account's password."""
        with self._lock:
            return self._passwords.get((source, source_id)) == password

    def is_new(self, nonce: str) -> bool:
        """Count a question; return whether it was never asked before."""
        with self._lock:
            self.calls += 1
            is_new = nonce not in self._nonces
            self._nonces.add(nonce)
            return is_new

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._passwords.clear()
            self._nonces.clear()
            self.calls = 0

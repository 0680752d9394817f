"""Forms that are sent twice: one effect, the same answer (ten minutes)."""

from dataclasses import dataclass
from typing import Final

from idp.ports.clock import Clock
from idp.ports.store import Store

ANSWER_SECONDS: Final = 600
#: Who died at work gives the form back after this time.
LEASE_SECONDS: Final = 20
#: A second click waits this long for the first one's answer.
WAIT_SECONDS: Final = 10
_STEP_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class SubmissionService:
    """Keeps what was answered to a form, under browser and submission id."""

    store: Store
    clock: Clock

    def begin(self, digest: bytes) -> bool:
        """Return whether this is the first time that the form is sent."""
        now = self.clock.now()
        with self.store.write(brief=True, alone=True) as tx:
            return tx.submissions.begin(digest, now=now, expires_at=now + LEASE_SECONDS)

    def finish(self, digest: bytes, answer: bytes, *, seconds: int = ANSWER_SECONDS) -> None:
        """Keep the answer, sealed. `seconds`: for how long."""
        until = self.clock.now() + seconds
        with self.store.write(brief=True, alone=True) as tx:
            tx.submissions.finish(digest, answer, expires_at=until)

    def release(self, digest: bytes) -> None:
        """Forget the submission: it had no effect and may be sent again."""
        with self.store.write(brief=True, alone=True) as tx:
            tx.submissions.release(digest)

    def find_answer(self, digest: bytes) -> bytes | None:
        """Return the first one's answer, `None` while it is at work."""
        with self.store.read() as tx:
            return tx.submissions.find(digest)[1]

    def wait_for_answer(self, digest: bytes) -> bytes | None:
        """Return the first one's answer; `None` if it was released or does not come."""
        deadline = self.clock.monotonic() + WAIT_SECONDS
        while self.clock.monotonic() < deadline:
            with self.store.read() as tx:
                is_claimed, answer = tx.submissions.find(digest)
            if answer is not None or not is_claimed:
                return answer
            self.clock.sleep(_STEP_SECONDS)
        return None

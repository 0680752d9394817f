"""New passwords: judged by rules and by what attackers try first, hashed outside transactions."""

from collections.abc import Iterable
from dataclasses import dataclass

from idp.domain.errors import Refused
from idp.domain.identity.password import check_password, normalise_password
from idp.ports.passwords import PasswordHasher, PasswordJudge


@dataclass(frozen=True, slots=True)
class PasswordService:
    """`minimum`: characters asked of the public; more where no second step protects a browser."""

    hasher: PasswordHasher
    judge: PasswordJudge
    minimum: int

    def check(self, password: str, personal: Iterable[str]) -> None:
        """Refuse a new password that is short, guessable or about the person.

        `password`: as `normalise_password` returns it. `personal`: from `personal_words`. Refuses
        with the codes of `check_password`, or `password.common`.
        """
        words = tuple(personal)
        check_password(password, minimum=self.minimum, personal=words)
        if self.judge.is_common(password, words):
            raise Refused("password.common")

    def hash(self, password: str) -> str:
        """Return the hash; `Busy` where the lane is full."""
        return self.hasher.hash(normalise_password(password))

"""What a carrier needs to know us by."""

from typing import Protocol


class GatewayAccount(Protocol):
    """Plain values, whoever holds them. Which of them a carrier uses is told at its class."""

    @property
    def url(self) -> str:
        """Base address."""

    @property
    def key(self) -> str:
        """Name of the account, or the only credential."""

    @property
    def secret(self) -> str:
        """Password, or what signs reports."""

    @property
    def sender(self) -> str:
        """What the phone shows as the sender."""

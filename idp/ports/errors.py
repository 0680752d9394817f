"""What an outside party does to us, apart from answering."""


class GatewayUnavailable(Exception):  # noqa: N818 - named for what happened
    """An outside party did not answer, or not with anything that can be used.

    `name`: the gateway. `reason`: a stable word for logs and metrics, never the party's own text.
    """

    def __init__(self, name: str, reason: str = "unavailable") -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason

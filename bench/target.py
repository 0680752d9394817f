"""What the load generator must know of a provider: JSON between the processes."""

from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Registration:
    """A client. Without `secret` it is public."""

    client_id: str
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Clients:
    """`portal`: code flow, no refresh tokens; `offline`: refresh tokens that stay.

    `public`: refresh tokens that rotate; `machine`: client credentials.
    """

    portal: Registration
    offline: Registration
    public: Registration
    machine: Registration


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account and what that person types."""

    login: str
    password: str


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Paths on the provider."""

    authorization: str
    token: str
    userinfo: str
    introspection: str
    jwks: str


@dataclass(frozen=True, slots=True)
class Target:
    """A provider that runs on this machine.

    `login_fields`, `password_fields`: names of the inputs of its sign-in pages.
    `machine_form`: what its token endpoint wants beside the grant type.
    `offline_form`: what an authorization request must say to get a refresh token.
    `refreshes_id_token`: whether a refresh answers with an ID token too.
    """

    port: int
    callback: str
    endpoints: Endpoints
    clients: Clients
    people: tuple[Person, ...]
    login_fields: tuple[str, ...]
    password_fields: tuple[str, ...]
    machine_form: dict[str, str]
    offline_form: dict[str, str]
    refreshes_id_token: bool = True

    @property
    def origin(self) -> str:
        """The address under which browsers know it."""
        return f"http://localhost:{self.port}"

    def as_document(self) -> dict[str, Any]:
        """Return what JSON can carry."""
        return asdict(self)

    @classmethod
    def from_document(cls, told: dict[str, Any]) -> Self:
        """Return what `as_document` told."""
        clients = {name: Registration(**client) for name, client in told["clients"].items()}
        return cls(
            **{
                **told,
                "clients": Clients(**clients),
                "endpoints": Endpoints(**told["endpoints"]),
                "people": tuple(Person(**person) for person in told["people"]),
                "login_fields": tuple(told["login_fields"]),
                "password_fields": tuple(told["password_fields"]),
            }
        )

"""What an operation of the API is: one declaration for route, permission, schemas and errors.

Routing, checks and the OpenAPI description all read `OPERATIONS`; to add one, decorate a function.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pydantic import BaseModel

from idp.domain.identity.admin_scopes import scope_of
from idp.domain.identity.roles import Permission
from idp.oidc.endpoints.admin_api import Caller
from idp.web.api.bodies import Body


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let in. `body`: what the operation's `takes` read.

    `version`: of what is changed, where `If-Match` named it.
    """

    caller: Caller
    path: Mapping[str, str]
    query: Any = None
    body: Any = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back. `document`: a model or plain JSON; `version`: for the entity tag."""

    document: BaseModel | Mapping[str, Any] | None = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    version: int | None = None


class Act(Protocol):
    """What carries an operation out."""

    __doc__: str | None

    def __call__(self, call: Call, /) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    `path`: below the API, with `{names}`. `gives`: the model of a successful answer, by status.
    `refuses`: statuses beside those that any operation of its kind may answer. `finds_version`:
    returns the version of what `path` names; then a change needs `If-Match` (RFC 9110 §13.1.1),
    which `needs_match` may lift. `keeps_nothing`: a POST that changes nothing, whose answer is not
    kept for its idempotency key.
    """

    name: str
    method: str
    path: str
    permission: Permission
    act: Act
    takes: Body | None = None
    query: type[BaseModel] | None = None
    gives: Mapping[int, type[BaseModel] | None] = field(default_factory=dict)
    refuses: Sequence[int] = ()
    finds_version: Callable[[Mapping[str, str]], int] | None = None
    needs_match: bool = True
    keeps_nothing: bool = False

    @property
    def scope(self) -> str:
        """The scope that a token needs."""
        return scope_of(self.permission)

    @property
    def summary(self) -> str:
        """The first sentence of what the operation says of itself."""
        return " ".join((self.act.__doc__ or "").split("\n\n")[0].split())

    @property
    def description(self) -> str:
        """Everything that it says."""
        parts = (self.act.__doc__ or "").split("\n\n")
        return "\n\n".join(" ".join(part.split()) for part in parts)

    @property
    def is_idempotent_by_key(self) -> bool:
        """Whether `Idempotency-Key` lets it be sent twice with one effect."""
        return self.method == "POST" and not self.keeps_nothing

    @property
    def wants_match(self) -> bool:
        """Whether `If-Match` counts."""
        return self.finds_version is not None and self.method != "GET"


OPERATIONS: Final[list[Operation]] = []


def operation(method: str, path: str, permission: Permission, **given: Any) -> Callable[[Act], Act]:
    """Declare the operation that the decorated function carries out; arguments as `Operation`'s."""

    def declare(act: Act) -> Act:
        name = getattr(act, "__name__", "")
        OPERATIONS.append(Operation(name, method, path, permission, act, **given))
        return act

    return declare

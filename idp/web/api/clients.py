"""Client registrations, their versions and their secrets."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, RootModel, model_validator
from pydantic.json_schema import JsonSchemaValue

from idp.domain.errors import Refused
from idp.domain.identity.admin_scopes import ADMIN_PATH, is_admin_scope
from idp.domain.identity.roles import Permission
from idp.domain.protocol.client import Client, ClientSecret, ClientStatus, ClientVersion, Profile
from idp.domain.protocol.client_changes import guarded_scopes_granted, needs_second_officer
from idp.domain.protocol.client_search import ClientOrder, ClientSearch, parse_words
from idp.services.client_registry import Logo, Registered, logo_of, registration_document
from idp.services.client_requests import CHANGE, DELETE, change_payload, delete_payload
from idp.web.api import paging
from idp.web.api.approvals import Approval, proposed
from idp.web.api.bodies import JSON, MERGE_PATCH, Body, merged
from idp.web.api.metadata_schema import is_member, properties, registration_schema
from idp.web.api.operation import Call, Reply, operation
from idp.web.api.shapes import Instant, Page, PageQuery, Sent, Shape
from idp.web.context import services, web_settings
from idp.web.problems import FieldError, Problem

Status = Literal["active", "draft", "suspended", "retired"]


class Secret(Shape):
    """A secret that counts; itself it is told once, when it is made."""

    id: UUID
    created_at: Instant
    expires_at: Instant | None = None


class ClientSummary(Shape):
    """A client in a list."""

    client_id: str
    client_name: str
    status: Status
    profile: Literal["baseline", "fapi2"]
    owner: str
    version: int
    created_at: Instant
    updated_at: Instant


class ClientPage(Page):
    """Clients by the time of their registration."""

    total: int = Field(description="On all pages.")
    items: list[ClientSummary]


class ClientQuery(PageQuery):
    """Which clients."""

    q: str | None = Field(
        None,
        max_length=200,
        description="Beginnings of words of names, identifier, owner and domain.",
    )
    status: Status | None = None
    profile: Literal["baseline", "fapi2"] | None = None


class ClientDocument(Shape):
    """A registration (RFC 7591 §3.2.1), with what the service says of it."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    client_id: str
    client_id_issued_at: Instant
    client_secret: str | None = Field(None, description="Told once.")
    client_secret_expires_at: int | None = Field(None, description="0: it does not expire.")
    status: Status
    version: int = Field(description="Also the entity tag.")
    updated_at: Instant
    secrets: list[Secret]

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(core_schema)
        found["properties"] = {**properties(), **found["properties"]}
        return found


class Registration(RootModel[dict[str, Any]]):
    """Client metadata (RFC 7591 §2); an unknown member is refused."""

    model_config = ConfigDict(defer_build=True)

    #: What `GET` tells and nobody sets; sent back it is let pass.
    TOLD: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="after")
    def _known_members(self) -> "Registration":
        errors = [
            FieldError("field.unknown", "there is no such member", pointer=pointer_of(name))
            for name in self.root
            if not is_member(name) and name not in self.TOLD
        ]
        errors += [
            FieldError("field.invalid", "it must be a list of strings", pointer="/redirect_uris")
            for value in [self.root.get("redirect_uris")]
            if value is not None and not isinstance(value, list)
        ]
        if errors:
            raise Problem(422, "body.invalid", "the registration can not be taken", errors=errors)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del core_schema, handler
        return {**registration_schema(), "description": cls.__doc__}


class Replacement(Registration):
    """What a registration shall be; members that only `GET` tells are let pass as they are."""

    TOLD: ClassVar[frozenset[str]] = frozenset(
        {"client_id_issued_at", "client_secret_expires_at", "status", "version"}
        | {"updated_at", "secrets"}
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = super().__get_pydantic_json_schema__(core_schema, handler)
        found["properties"] = {**found["properties"], **{name: {} for name in sorted(cls.TOLD)}}
        return found


class Patch(Registration):
    """A merge patch of a registration (RFC 7396); `null` takes a member away."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = super().__get_pydantic_json_schema__(core_schema, handler)
        for kind in ("properties", "patternProperties"):
            found[kind] = {n: {"anyOf": [s, {"type": "null"}]} for n, s in found[kind].items()}
        return found


class ReasonQuery(BaseModel):
    """Why a registration is changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    reason: str = Field(
        "", max_length=300, description="Stands in the version, and where officers decide."
    )


class Reasoned(Sent):
    """Why; it stands in the version."""

    reason: str = Field("", max_length=300)


class NewSecret(Sent):
    """How long a new secret counts."""

    life_seconds: int | None = Field(
        None, ge=3600, le=5 * 365 * 86400, description="Absent: until it is retired."
    )


class VersionSummary(Shape):
    """One version of a registration."""

    version: int
    status: Literal["active", "draft", "suspended", "retired", "deleted"]
    author: str
    reason: str
    created_at: Instant


class VersionPage(Page):
    """Versions, the newest first."""

    items: list[VersionSummary]


class VersionDocument(VersionSummary):
    """A version with the metadata as it was."""

    metadata: dict[str, Any]


def pointer_of(name: str) -> str:
    """Return the JSON pointer of a member."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def find_version(path: Mapping[str, str]) -> int:
    """Return the version at which a client is; refuses with `client.unknown`."""
    return services().clients.get(path["client_id"]).version


def secret_of(secret: ClientSecret) -> Secret | None:
    """Return what is told of a secret that counts, `None` for one that no longer does."""
    if secret.id is None or not secret.is_live(services().clock.now()):
        return None
    return Secret(id=secret.id, created_at=secret.created_at, expires_at=secret.expires_at)


def reply_of(client_id: str, secret: Registered | None = None, *, status: int = 200) -> Reply:
    """Return a client as it is now, with a secret that was just made."""
    client = services().clients.get(client_id)
    registered = secret or Registered(client, None)
    document = ClientDocument(
        **registration_document(
            Registered(client, registered.secret, registered.secret_expires_at)
        ),
        status=client.status.value,
        version=client.version,
        updated_at=client.updated_at,
        secrets=[told for held in client.secrets if (told := secret_of(held)) is not None],
    )
    return Reply(document, status, version=client.version)


def summary_of(client: Client) -> ClientSummary:
    """Return what a list tells of a client."""
    return ClientSummary(
        client_id=client.client_id,
        client_name=client.name_in("id"),
        status=client.status.value,
        profile=client.profile.value,
        owner=client.owner,
        version=client.version,
        created_at=client.created_at,
        updated_at=client.updated_at,
    )


def check_grants_no_administration(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse scopes of this API: what a program holds it must not be able to hand on.

    Raises `Problem` 422.
    """
    had, wanted = (set(str(told.get("scope", "")).split()) for told in (before, after))
    if any(is_admin_scope(scope) for scope in wanted - had):
        why = "scopes of this API are given by an operator, at the command line"
        raise Problem(
            422,
            "client.administers",
            why,
            errors=[FieldError("scope.administration", why, pointer="/scope")],
        )


def proposal_of(
    call: Call, client: Client, given: Mapping[str, Any], logo: Logo | None = None
) -> Reply | None:
    """Ask two officers for what they decide (AD-3); `None` where one is enough.

    What they see is checked as what an officer types, and stored as it would be kept.
    """
    if not needs_second_officer(client, services().clients.checked(given, client)):
        return None
    version = call.version or client.version
    if version != client.version:
        raise Refused("client.edited")
    reason = call.query.reason or _BY_PROGRAM.format(call.caller.client_id)
    payload = change_payload(
        client.client_id,
        services().client_desk.checked(given, client),
        version=version,
        reason=reason,
        logo=logo,
    )
    return proposed(call, CHANGE, payload, subject=client.client_id, reason=reason)


_BY_PROGRAM: Final = "API: {}"


def check_may_change(client_id: str) -> Client:
    """Return a client that programs may change: not one that administers, itself included.

    Refuses with `client.unknown` or `client.administers`.
    """
    client = services().clients.get(client_id)
    if any(is_admin_scope(scope) for scope in client.scopes):
        raise Refused("client.administers")
    return client


@operation("GET", "/clients", Permission.CLIENTS_READ, query=ClientQuery, gives={200: ClientPage})
def list_clients(call: Call) -> Reply:
    """List clients in the order of their registration, or find some."""
    query: ClientQuery = call.query
    place = paging.place_of(query)
    wanted = ClientSearch(
        words=parse_words(query.q or ""),
        status=ClientStatus(query.status) if query.status else None,
        profile=Profile(query.profile) if query.profile else None,
        order=ClientOrder.CREATED,
        after=(place[0], place[1]) if place is not None else None,
        limit=query.limit,
    )
    found = services().clients.search(wanted)
    address = paging.next_address(query, found.following)
    items = [summary_of(client) for client in found.clients]
    page = ClientPage(items=items, total=found.total, next=address)
    return Reply(page, headers=paging.links(address))


@operation(
    "POST",
    "/clients",
    Permission.CLIENTS_WRITE,
    takes=Body(Registration),
    gives={201: ClientDocument},
)
def register_client(call: Call) -> Reply:
    """Register a client; its secret is told this once."""
    given = call.body.root
    check_grants_no_administration({}, given)
    if guarded_scopes_granted({}, given):
        raise Refused("approval.required")
    done = services().clients.register(given, call.caller.actor)
    reply = reply_of(done.client.client_id, done, status=201)
    return Reply(reply.document, 201, (_location(done.client.client_id),), reply.version)


@operation("GET", "/clients/{client_id}", Permission.CLIENTS_READ, gives={200: ClientDocument})
def show_client(call: Call) -> Reply:
    """Show a registration, without its secret."""
    return reply_of(call.path["client_id"])


@operation(
    "PUT",
    "/clients/{client_id}",
    Permission.CLIENTS_WRITE,
    takes=Body(Replacement),
    query=ReasonQuery,
    gives={200: ClientDocument, 202: Approval},
    refuses=(409,),
    finds_version=find_version,
)
def replace_client(call: Call) -> Reply:
    """Put new metadata in the place of the old; a secret that is still needed stays."""
    given = {n: v for n, v in call.body.root.items() if n not in Replacement.TOLD}
    return _replaced(call, given)


@operation(
    "PATCH",
    "/clients/{client_id}",
    Permission.CLIENTS_WRITE,
    takes=Body(Patch, media_types=(MERGE_PATCH, JSON)),
    query=ReasonQuery,
    gives={200: ClientDocument, 202: Approval},
    refuses=(409,),
    finds_version=find_version,
)
def change_client(call: Call) -> Reply:
    """Change some members of a registration by a merge patch."""
    known = services().clients.get(call.path["client_id"])
    return _replaced(call, merged(dict(known.metadata), call.body.root))


def _replaced(call: Call, given: Mapping[str, Any]) -> Reply:
    client = check_may_change(call.path["client_id"])
    if given.get("client_id", client.client_id) != client.client_id:
        why = "a client keeps its identifier"
        error = FieldError("field.invalid", why, pointer="/client_id")
        raise Problem(422, "body.invalid", why, errors=[error])
    check_grants_no_administration(client.metadata, given)
    proposal = proposal_of(call, client, given)
    if proposal is not None:
        return proposal
    done = services().clients.replace(
        client.client_id,
        given,
        call.caller.actor,
        version=call.version,
        reason=call.query.reason,
    )
    return reply_of(client.client_id, done)


@operation(
    "DELETE",
    "/clients/{client_id}",
    Permission.CLIENTS_WRITE,
    query=ReasonQuery,
    gives={202: Approval},
    refuses=(409,),
    finds_version=find_version,
)
def delete_client(call: Call) -> Reply:
    """Ask two officers to delete a client; its identifier is never given again."""
    client = check_may_change(call.path["client_id"])
    reason = call.query.reason or _BY_PROGRAM.format(call.caller.client_id)
    payload = delete_payload(
        client.client_id, version=call.version or client.version, reason=reason
    )
    return proposed(call, DELETE, payload, subject=client.client_id, reason=reason)


@operation(
    "POST",
    "/clients/{client_id}/suspend",
    Permission.CLIENTS_SUSPEND,
    takes=Body(Reasoned, is_required=False),
    gives={200: ClientDocument},
    refuses=(409,),
    finds_version=find_version,
    needs_match=False,
)
def suspend_client(call: Call) -> Reply:
    """Stop a client; every process knows within five seconds."""
    client_id = call.path["client_id"]
    services().clients.suspend(client_id, call.caller.actor, reason=call.body.reason)
    return reply_of(client_id)


@operation(
    "POST",
    "/clients/{client_id}/resume",
    Permission.CLIENTS_SUSPEND,
    takes=Body(Reasoned, is_required=False),
    gives={200: ClientDocument},
    refuses=(409,),
    finds_version=find_version,
    needs_match=False,
)
def resume_client(call: Call) -> Reply:
    """Let a suspended client go on."""
    client = check_may_change(call.path["client_id"])
    services().clients.activate(client.client_id, call.caller.actor, reason=call.body.reason)
    return reply_of(client.client_id)


def _location(client_id: str) -> tuple[str, str]:
    return "Location", f"{web_settings().issuer}{ADMIN_PATH}/clients/{quote(client_id, safe='')}"


class VersionQuery(PageQuery):
    """Which versions."""


@operation(
    "GET",
    "/clients/{client_id}/versions",
    Permission.CLIENTS_READ,
    query=VersionQuery,
    gives={200: VersionPage},
)
def list_versions(call: Call) -> Reply:
    """List what a client was, the newest first."""
    query: VersionQuery = call.query
    client = services().clients.get(call.path["client_id"])
    place = paging.place_of(query)
    found = services().clients.list_versions(
        client.client_id, before=place[0] if place else None, limit=query.limit + 1
    )
    items, goes_on = found[: query.limit], len(found) > query.limit
    address = paging.next_address(query, [items[-1].number] if goes_on else None)
    page = VersionPage(items=[_version(item) for item in items], next=address)
    return Reply(page, headers=paging.links(address))


@operation(
    "GET",
    "/clients/{client_id}/versions/{version}",
    Permission.CLIENTS_READ,
    gives={200: VersionDocument},
)
def show_version(call: Call) -> Reply:
    """Show a registration as it once was."""
    found = _found_version(call)
    summary = _version(found)
    return Reply(VersionDocument(**summary.model_dump(), metadata=dict(found.metadata)))


@operation(
    "POST",
    "/clients/{client_id}/versions/{version}/restore",
    Permission.CLIENTS_WRITE,
    takes=Body(Sent, is_required=False),
    query=ReasonQuery,
    gives={200: ClientDocument, 202: Approval},
    refuses=(409,),
    finds_version=find_version,
)
def restore_version(call: Call) -> Reply:
    """Bring back the metadata of an earlier version, as a new one; `If-Match`: of the client."""
    client = check_may_change(call.path["client_id"])
    found = _found_version(call)
    check_grants_no_administration(client.metadata, found.metadata)
    proposal = proposal_of(call, client, found.metadata, logo_of(found))
    if proposal is not None:
        return proposal
    services().clients.restore(
        client.client_id, found.number, call.caller.actor, version=call.version
    )
    return reply_of(client.client_id)


def _found_version(call: Call) -> ClientVersion:
    number = call.path["version"]
    if not (number.isascii() and number.isdigit()) or len(number) > 9:
        raise Refused("client.version_unknown")
    client = services().clients.get(call.path["client_id"])
    return services().clients.get_version(client.client_id, int(number))


def _version(found: ClientVersion) -> VersionSummary:
    return VersionSummary(
        version=found.number,
        status=found.status.value,
        author=found.author,
        reason=found.reason,
        created_at=found.created_at,
    )


@operation(
    "POST",
    "/clients/{client_id}/secrets",
    Permission.CLIENTS_WRITE,
    takes=Body(NewSecret, is_required=False),
    gives={201: ClientDocument},
    refuses=(409,),
    finds_version=find_version,
    needs_match=False,
)
def add_secret(call: Call) -> Reply:
    """Give a client a second secret, told this once; it has two at most while it moves."""
    client = check_may_change(call.path["client_id"])
    done = services().clients.add_secret(
        client.client_id, call.caller.actor, life_seconds=call.body.life_seconds
    )
    reply = reply_of(client.client_id, done)
    return Reply(reply.document, 201, (_location(client.client_id),), reply.version)


@operation(
    "DELETE",
    "/clients/{client_id}/secrets/{secret_id}",
    Permission.CLIENTS_WRITE,
    gives={204: None},
    refuses=(409,),
    finds_version=find_version,
    needs_match=False,
)
def retire_secret(call: Call) -> Reply:
    """End one of two secrets at once."""
    client = check_may_change(call.path["client_id"])
    try:
        secret_id = UUID(call.path["secret_id"])
    except ValueError as error:
        raise Refused("client.secret_unknown") from error
    services().clients.retire_secret(client.client_id, secret_id, call.caller.actor)
    return Reply(None, 204)

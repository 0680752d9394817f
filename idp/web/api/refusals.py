"""What use cases refuse, as problems: a status and words for each code."""

from collections.abc import Mapping
from typing import Final

from idp.domain.errors import Refused
from idp.domain.protocol.errors import ProtocolError
from idp.domain.protocol.metadata_faults import Fault, InvalidMetadata
from idp.web.api.bodies import pointer
from idp.web.problems import FieldError, Problem

#: Codes with their status and their words.
REFUSALS: Final[Mapping[str, tuple[int, str]]] = {
    "client.unknown": (404, "there is no such client"),
    "client.exists": (409, "a client with this client_id exists, or existed"),
    "client.edited": (412, "it was changed meanwhile; read it again and repeat the change"),
    "client.retired": (409, "the client was stopped for good"),
    "client.administers": (403, "a client with scopes of this API is changed at the console alone"),
    "client.version_unknown": (404, "the client has no such version"),
    "client.secrets": (409, "the client has two secrets already: retire one"),
    "client.secret_unknown": (404, "the client has no such secret"),
    "client.secret_last": (409, "it is the client's only secret: add one first"),
    "people.query": (422, "it is no NIK, phone number, e-mail address or sub"),
    "people.searches": (429, "too many searches; Retry-After says when to try again"),
    "people.status": (409, "the account is not in a state in which this can be done"),
    "people.changed": (409, "the account was changed meanwhile"),
    "reason.required": (422, "a reason is needed"),
    "reason.long": (422, "the reason is too long"),
    "reason.personal": (422, "nothing personal may stand in a reason"),
    "account.unknown": (404, "there is no such account"),
    "release.unknown": (404, "there is no such release"),
    "release.conflict": (412, "it was changed meanwhile; read it again and repeat the change"),
    "release.step": (409, "the release is not in a state in which this can be done"),
    "release.words": (422, "say in words what is to be changed, in 2,000 characters at most"),
    "admin.unknown": (404, "there is nobody of this id in the console"),
    "admin.exists": (409, "somebody with this address is an admin already"),
    "email.invalid": (422, "it is no e-mail address"),
    "role.unknown": (422, "there is no such role"),
    "role.required": (422, "name at least one role"),
    "role.same": (409, "these are the admin's roles already"),
    "people.no_address": (409, "the account has no proved contact"),
    "people.address_held": (409, "the contacts are too new to recover the account by them"),
    "limit.tries": (429, "too many tries; Retry-After says when to try again"),
    "key.unknown": (404, "there is no such key"),
    "approval.required": (409, "two officers decide this: register without, then change it"),
    "approval.unknown": (404, "there is no such request, or it is not this program's"),
    "approval.waiting": (409, "the same was asked for already and waits"),
    "approval.over": (409, "the request was decided, or its time is over"),
    "audit_object.unknown": (404, "there is nothing of this name"),
    "key.last": (409, "it is the last key of its algorithm: rotate first"),
}


#: Where in the body a refusal is about.
PLACES: Final[Mapping[str, str]] = {
    "people.query": "/identifier",
    "release.words": "/words",
    "email.invalid": "/email",
    "role.unknown": "/roles",
    "role.required": "/roles",
    "reason.required": "/reason",
    "reason.long": "/reason",
    "reason.personal": "/reason",
}


def problem_of(refusal: Refused) -> Problem:
    """Return what the caller reads of a refusal; an unlisted code is one about what was sent."""
    if isinstance(refusal, InvalidMetadata):
        errors = [error_of(fault) for fault in refusal.faults]
        return Problem(422, refusal.error, "the registration can not be taken", errors=errors)
    if isinstance(refusal, ProtocolError):
        headers = [("Retry-After", "60")] if refusal.status == 429 else []
        status = 422 if refusal.status == 400 else refusal.status
        return Problem(status, refusal.error, refusal.description, headers=headers)
    status, words = REFUSALS.get(
        refusal.code, (422, "what was sent can not be taken; the code says why")
    )
    place = PLACES.get(refusal.code)
    errors = [FieldError(refusal.code, words, pointer=place)] if place else []
    headers = [("Retry-After", str(refusal.values["seconds"]))] if status == 429 else []
    return Problem(status, refusal.code, words, errors=errors, headers=headers)


def error_of(fault: Fault) -> FieldError:
    """Return what is wrong with one member of a registration, and where."""
    place: list[str | int] = [fault.member]
    if fault.position is not None:
        place += ["keys"] if fault.member == "jwks" else []
        place.append(fault.position - 1)
    return FieldError(f"member.{fault.reason.code}", fault.text, pointer=pointer(place))

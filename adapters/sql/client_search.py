"""Pages of the list of clients: by index, never by reading all of them."""

from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from adapters.sql import tables
from idp.domain.protocol.client import ClientStatus
from idp.domain.protocol.client_search import ClientOrder, ClientSearch

_client = tables.client
_word = tables.client_word

_KEYS: Final = {
    "nama": _client.c.name_key,
    "diubah": _client.c.updated_at,
    "dibuat": _client.c.created_at,
}
#: Behind every word that begins so: no character sorts after it.
_END: Final = "\U0010ffff"


def page_of(wanted: ClientSearch) -> sa.Select[Any]:
    """Return the statement of one page; its values are `values_of`."""
    return _page(
        len(wanted.words),
        wanted.status is not None,
        wanted.profile is not None,
        wanted.order,
        wanted.after is not None,
    )


def count_of(wanted: ClientSearch) -> sa.Select[Any]:
    """Return the statement that counts all pages of a search."""
    return _count(len(wanted.words), wanted.status is not None, wanted.profile is not None)


def values_of(wanted: ClientSearch) -> dict[str, Any]:
    """Return the values of either statement."""
    given: dict[str, Any] = {"deleted": ClientStatus.DELETED, "most": wanted.limit + 1}
    for number, word in enumerate(wanted.words):
        given |= {f"from{number}": word, f"to{number}": word + _END}
    if wanted.status is not None:
        given["status"] = wanted.status
    if wanted.profile is not None:
        given["profile"] = wanted.profile
    if wanted.after is not None:
        given |= {"key": wanted.after[0], "last": wanted.after[1]}
    return given


@cache
def _page(
    words: int, by_status: bool, by_profile: bool, order: ClientOrder, goes_on: bool
) -> sa.Select[Any]:
    key, tie = _KEYS[order.column], _client.c.client_id
    statement = sa.select(_client).where(*_filters(words, by_status, by_profile))
    if goes_on:
        here, last = (
            sa.tuple_(key, tie),
            sa.tuple_(sa.bindparam("key", type_=key.type), sa.bindparam("last", type_=tie.type)),
        )
        statement = statement.where(here < last if order.is_down else here > last)
    ways = (key.desc(), tie.desc()) if order.is_down else (key, tie)
    return statement.order_by(*ways).limit(sa.bindparam("most", type_=sa.Integer))


@cache
def _count(words: int, by_status: bool, by_profile: bool) -> sa.Select[Any]:
    return (
        sa.select(sa.func.count())
        .select_from(_client)
        .where(*_filters(words, by_status, by_profile))
    )


def _filters(words: int, by_status: bool, by_profile: bool) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [_client.c.status != sa.bindparam("deleted")]
    if by_status:
        found.append(_client.c.status == sa.bindparam("status"))
    if by_profile:
        found.append(_client.c.profile == sa.bindparam("profile"))
    return [*found, *(_has_word(number) for number in range(words))]


def _has_word(number: int) -> sa.ColumnElement[bool]:
    begins_so = sa.select(_word.c.client_id).where(
        _word.c.word >= sa.bindparam(f"from{number}"), _word.c.word < sa.bindparam(f"to{number}")
    )
    return _client.c.client_id.in_(begins_so)

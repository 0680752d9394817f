"""Which two accounts may become one: those that are of one person by what both sides hold."""

from collections.abc import Sequence

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import IAL_UNPROVED
from idp.domain.identity.legacy import LegacyAccount
from idp.domain.identity.people import LOCKABLE


def check_one_person(former: Account, to: Account, old: Sequence[LegacyAccount]) -> None:
    """Refuse unless `former` may be merged into `to`; `old`: what `former` brought home.

    No two accounts share a NIK, so `former` is one of level 0 without a NIK, and what it brought
    home has the NIK of `to`, which the registry confirmed, and no other. Refuses with `merge.same`,
    `merge.former`, `merge.to` or `merge.unproved`.
    """
    if former.id == to.id:
        raise Refused("merge.same")
    if former.ial != IAL_UNPROVED or former.nik is not None or former.status not in LOCKABLE:
        raise Refused("merge.former")
    if to.nik is None or to.ial == IAL_UNPROVED or not to.is_usable:
        raise Refused("merge.to")
    if {legacy.record.nik for legacy in old} - {None} != {to.nik}:
        raise Refused("merge.unproved")

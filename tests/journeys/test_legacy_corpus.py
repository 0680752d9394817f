"""The corpus of old stores over HTTP: every account once the old way, then the new way."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from idp.app import Application
from idp.domain.identity.legacy import LegacyState
from idp.services.legacy_import import Export
from tests.guest import Guest
from tests.killing import FULL
from tests.old_hashes import KINDS
from tests.old_portals import OldStore, old_stores
from tests.registrant import PASSWORD, Registrant
from tests.sandbox_server import Sandbox

STORES = dict(zip(KINDS, old_stores(), strict=True))
#: How many accounts of a store walk the whole way; every account of all stores in `make chaos`.
WALKERS = 100 if FULL else 1


@dataclass(frozen=True)
class OldHolder:
    """Somebody with an account in a store."""

    row: Mapping[str, Any]
    password: str
    registrant: Registrant

    @property
    def fields(self) -> dict[str, str]:
        email = self.row["emails"][0]["value"]
        return {"email": email, "nik": self.row["nik"], "password": self.password}

    def prove(self, **changes: str) -> Any:
        """Send the page for old accounts."""
        return self.registrant.post("/masuk/akun-lama", **{**self.fields, **changes})


@pytest.fixture
def holders(make_app: Callable[..., Application], sandbox: Sandbox, kind: str) -> list[OldHolder]:
    """Import one store, wrap what is weak in it, and have its people in the register."""
    app = make_app(SIAPKERJA_LIMITS_FACTOR="1000", **sandbox.environment())
    store: OldStore = STORES[kind]
    services = app.wiring.services
    services.legacy_import.load(Export(io.BytesIO(store.content)), lambda _: None)
    services.legacy_wrapping.run(lambda _: None)
    return [
        OldHolder(
            row,
            store.passwords[row["source_id"]],
            Registrant(
                app,
                sandbox,
                sandbox.add_person(nik=row["nik"]),
                phone=f"0815 5000 {number:04}",
                email=f"baru{number}@contoh.id",
            ),
        )
        for number, row in enumerate(store.rows[:WALKERS], start=501)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_account_signs_in_once_the_old_way_and_then_the_new_way(
    holders: list[OldHolder], kind: str
) -> None:
    for holder in holders:
        registrant = holder.registrant
        for wrong in ("x" + holder.password, holder.password[::-1] + "x"):
            assert holder.prove(password=wrong).status_code == 422

        proved = holder.prove()
        registrant.query = {"lama": proved.headers["Location"].partition("lama=")[2]}
        assert registrant.ktp().headers["Location"].startswith("/daftar/kontak")
        registrant.query = {}
        keeps = 'name="password"' not in registrant.get("/daftar/kontak").text
        asked = registrant.contact(password=None if keeps else PASSWORD)
        assert asked.status_code == 303, asked.text
        assert registrant.confirm().status_code == 303

        services = registrant.app.wiring.services
        with services.store.read() as tx:
            row = tx.legacy_accounts.find_by_source_id(
                holder.row["source"], str(holder.row["source_id"])
            )
            assert row is not None
            assert row.state is LegacyState.CLAIMED
            assert row.account_id is not None
            credential = tx.credentials.find(row.account_id)
        assert credential is not None
        assert credential.hash.startswith("$argon2id$")
        # the old way is closed, the new one open, and to no other password
        stranger = Guest(registrant.app, address="198.51.100.3")
        assert stranger.post("/masuk/akun-lama", **holder.fields).status_code == 422
        new = holder.password if keeps else PASSWORD
        entered = Guest(registrant.app).log_in(holder.row["nik"], new)
        assert entered.headers["Location"].startswith(("/masuk/kode", "/masuk/metode"))
        assert Guest(registrant.app).log_in(holder.row["nik"], new + "x").status_code == 422
        if not keeps:
            assert (
                Guest(registrant.app).log_in(holder.row["nik"], holder.password).status_code == 422
            )


def test_the_corpus_has_at_least_thirty_stores() -> None:
    assert len(STORES) >= 30
    assert sum(len(store.rows) for store in STORES.values()) >= 90

"""Who is measured: one module for each product, a line in `PEERS` for each way to run it."""

from bench.peers.base import Peer, Running
from bench.peers.canaille import running_canaille
from bench.peers.keycloak import has_java, running_keycloak
from bench.peers.oidc_provider import running_oidc_provider
from bench.peers.siapkerja import running_siapkerja

__all__ = ["PEERS", "Peer", "Running"]

PEERS = {
    peer.name: peer
    for peer in (
        Peer("ours-sqlite", "SIAPkerja ID, SQLite", running_siapkerja("sqlite")),
        Peer("ours-postgresql", "SIAPkerja ID, PostgreSQL", running_siapkerja("postgresql")),
        Peer("node-es256", "oidc-provider, Redis, ES256", running_oidc_provider("ES256")),
        Peer("node-rs256", "oidc-provider, Redis, RS256", running_oidc_provider("RS256")),
        Peer("canaille", "canaille, PostgreSQL", running_canaille),
        Peer("keycloak", "Keycloak, PostgreSQL", running_keycloak, "Java 17", has_java, 20),
    )
}

"""Signature algorithms by use (RFC 7518 §3.1, RFC 9864); the list is ours, never a token's."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class KeyAlgorithm:
    """One algorithm, with the kind of key that it takes (`crv` or modulus length).

    `use`: `sig` or `enc` (RFC 7517 §4.2).
    """

    name: str
    key_type: str
    curve_or_bits: str | int
    use: str = "sig"


#: What we sign with, our own choice first.
SIGNING: Final[tuple[KeyAlgorithm, ...]] = (
    KeyAlgorithm("ES256", "EC", "P-256"),
    KeyAlgorithm("RS256", "RSA", 3072),
    KeyAlgorithm("PS256", "RSA", 3072),
    KeyAlgorithm("ES384", "EC", "P-384"),
    KeyAlgorithm("ES512", "EC", "P-521"),
    KeyAlgorithm("Ed25519", "OKP", "Ed25519"),
)

SIGNING_NAMES: Final = tuple(algorithm.name for algorithm in SIGNING)

#: For access tokens, and whatever else no client registered an algorithm for.
OWN: Final = "ES256"

#: OpenID Connect Registration §2: the default for ID tokens.
ID_TOKEN_DEFAULT: Final = "RS256"

#: What clients may sign with. `EdDSA` is the older name of Ed25519 in libraries.
VERIFYING: Final = ("ES256", "ES384", "ES512", "PS256", "Ed25519", "EdDSA", "RS256")

#: FAPI 2.0 Security Profile §5.4.1 point 2: these and no others.
FAPI: Final = frozenset({"PS256", "ES256", "Ed25519", "EdDSA"})

#: Key management and content encryption for what we encrypt to clients (RFC 7518 §4.1, §5.1).
KEY_MANAGEMENT: Final = ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP", "RSA-OAEP-256")
CONTENT_ENCRYPTION: Final = ("A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512")
CONTENT_ENCRYPTION_DEFAULT: Final = "A128CBC-HS256"

#: Keys of ours that clients encrypt to.
ENCRYPTION: Final[tuple[KeyAlgorithm, ...]] = (
    KeyAlgorithm("ECDH-ES", "EC", "P-256", "enc"),
    KeyAlgorithm("ECDH-ES+A256KW", "EC", "P-256", "enc"),
    KeyAlgorithm("RSA-OAEP-256", "RSA", 3072, "enc"),
)
ENCRYPTION_NAMES: Final = tuple(algorithm.name for algorithm in ENCRYPTION)

#: Every key pair that we hold.
OWN_KEYS: Final = (*SIGNING, *ENCRYPTION)

#: Keys that are made once a client registers for what they sign: RFC 7517 §5 has readers pass over
#: keys that they do not know, but many refuse the whole key set over a P-521 key.
ON_DEMAND: Final = frozenset({"ES512"})

#: What metadata tells that we sign with: that of which there always are keys.
ANNOUNCED: Final = tuple(name for name in SIGNING_NAMES if name not in ON_DEMAND)

#: DPoP proofs (RFC 9449 §4.3 point 5): asymmetric, without the older padding of RSA.
PROOFS: Final = ("ES256", "ES384", "ES512", "PS256", "Ed25519", "EdDSA")

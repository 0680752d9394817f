"""Forged JWTs (RFC 8725 §2, §3): each is right but for what its name says."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.domain.ids import decode_base64url, encode_base64url
from tests.signing import Signer, compact

EVIL = "https://evil.example/keys"
_ZERO = encode_base64url(b"\x00" * 64)

Claims = Callable[[], Mapping[str, Any]]


def by_strangers(good: str, claims: Claims, public: Mapping[str, Any]) -> dict[str, str]:
    """Return what somebody makes of a good token who has only its public key.

    `good`: a token that would be taken. `claims`: those of a good one, new each time.
    """
    head, payload, signature = good.split(".")
    header = json.loads(decode_base64url(head))
    kid = {"kid": public["kid"]} if "kid" in public else {}
    kept = {name: value for name, value in header.items() if name != "alg"}
    stranger = Signer("ES256", str(public.get("kid", "k1")))
    rsa = RSAKey.generate_key(2048)
    kind: Any = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}[str(public["kty"])]
    pem = kind.import_key(dict(public)).as_pem(private=False)
    empty = encode_base64url(b"{}")

    def signed(**more: Any) -> str:
        given = {**kept, "alg": "ES256", **kid, **more}
        told = {name: value for name, value in given.items() if value is not None}
        return compact(told, claims(), stranger.key, "ES256")

    def shared(alg: str, secret: bytes) -> str:
        return compact({**kept, "alg": alg, **kid}, claims(), secret)

    def headed(**more: Any) -> str:
        given = {**header, **more}
        told = {name: value for name, value in given.items() if value is not None}
        return f"{encode_base64url(json.dumps(told).encode())}.{payload}.{signature}"

    return {
        "alg none": compact({**kept, "alg": "none", **kid}, claims(), None),
        "alg None": compact({**kept, "alg": "None", **kid}, claims(), None, "none"),
        "alg nOnE": compact({**kept, "alg": "nOnE"}, claims(), None, "none"),
        "alg NONE": compact({**kept, "alg": "NONE"}, claims(), None, "none"),
        "alg none with a signature": f"{compact({'alg': 'none'}, claims(), None)}{signature}",
        "alg none in the good header": headed(alg="none"),
        "alg missing": headed(alg=None),
        "alg empty": headed(alg=""),
        "alg a list": headed(alg=["ES256"]),
        "alg null": f"{encode_base64url(json.dumps({**header, 'alg': None}).encode())}.{payload}."
        + signature,
        "alg in lower case": headed(alg=str(header["alg"]).lower()),
        "alg of another curve": headed(alg="ES384"),
        "alg of another kind": headed(alg="PS256" if header["alg"] != "PS256" else "ES256"),
        "HS256 with the public key as JWK": shared("HS256", json.dumps(dict(public)).encode()),
        "HS256 with the public key as PEM": shared("HS256", pem),
        "HS384 with the public key as PEM": shared("HS384", pem),
        "HS512 with a zero": shared("HS512", b"\x00"),
        "HS256 with the issuer": shared("HS256", b"http://localhost:8000"),
        "RS256 by a stranger": compact({**kept, "alg": "RS256", **kid}, claims(), rsa),
        "PS256 by a stranger": compact({**kept, "alg": "PS256", **kid}, claims(), rsa),
        "a stranger's key": signed(),
        "a stranger's key without kid": signed(kid=None),
        "a stranger's key in jwk": signed(jwk=stranger.public()),
        "a stranger's key in jwk without kid": signed(kid=None, jwk=stranger.public()),
        "a stranger's key behind jku": signed(jku=EVIL),
        "a stranger's key behind x5u": signed(x5u=EVIL),
        "a stranger's certificate in x5c": signed(x5c=[b64encode(b"certificate").decode()]),
        "a thumbprint in x5t#S256": signed(**{"x5t#S256": _ZERO}),
        "a kid that is a path": signed(kid="../../../dev/null"),
        "a kid that is an address": signed(kid=EVIL),
        "a kid that is a statement": signed(kid="' OR '1'='1"),
        "a kid that is a list": signed(kid=[public.get("kid")]),
        "a kid that is empty": signed(kid=""),
        "crit beside the good signature": headed(crit=["exp"]),
        "b64 false beside the good signature": headed(b64=False),
        "other claims under the good signature": f"{head}."
        f"{encode_base64url(json.dumps(dict(claims())).encode() + b' ')}.{signature}",
        "no signature": f"{head}.{payload}.",
        "no signature part": f"{head}.{payload}",
        "another signature": f"{head}.{payload}.{signature[::-1]}",
        "a signature of zeros": f"{head}.{payload}.{_ZERO}",
        "a short signature": f"{head}.{payload}.{signature[:-4]}",
        "a padded signature": f"{head}.{payload}.{signature}==",
        "a signature in standard base64": f"{head}.{payload}."
        + b64encode(decode_base64url(signature) + b"\xff\xfe\xfb").decode(),
        "four parts": f"{head}.{payload}.{signature}.{empty}",
        "five parts": f"{head}.{empty}.{payload}.{signature}.{empty}",
        "JSON serialization": json.dumps(
            {"protected": head, "payload": payload, "signature": signature}
        ),
        "general JSON serialization": json.dumps(
            {"payload": payload, "signatures": [{"protected": head, "signature": signature}]}
        ),
        "parts swapped": f"{payload}.{head}.{signature}",
        "a header that is no object": f"{encode_base64url(b'[]')}.{payload}.{signature}",
        "a header that is nested deeply": f"{encode_base64url(b'[' * 4000)}.{payload}.{signature}",
        "a header twice": f"{head}{head}.{payload}.{signature}",
        "blanks": f" {head}.{payload}.{signature}",
        "a newline": f"{head}.{payload}.{signature}\n",
        "dots": "..",
        "not ASCII": "ÿ.ÿ.ÿ",
    }


def by_the_holder(signer: Signer, claims: Claims, good_header: Mapping[str, Any]) -> dict[str, str]:
    """Return what the right key signs and nobody may take all the same."""

    def signed(**header: Any) -> str:
        return signer.sign(claims(), **{**good_header, **header})

    return {
        "crit": signed(crit=["exp"]),
        "crit empty": signed(crit=[]),
        "crit a text": signed(crit="exp"),
        "crit with b64": signed(crit=["b64"], b64=True),
        "b64 false": signed(b64=False),
        "b64 true": signed(b64=True),
        "an unknown kid": signed(kid="unknown"),
        "a kid in capitals": signed(kid=signer.kid.upper()),
        "a kid that is a number": signed(kid=1),
        "typ of an access token": signed(typ="at+jwt"),
        "typ of a proof": signed(typ="dpop+jwt"),
        "typ of a logout": signed(typ="logout+jwt"),
        "typ of a token introspection": signed(typ="token-introspection+jwt"),
        "typ a number": signed(typ=1),
        "typ a list": signed(typ=["JWT"]),
        "alg missing": compact({"kid": signer.kid}, claims(), signer.key, signer.alg),
        "alg in lower case": compact(
            {"kid": signer.kid, "alg": signer.alg.lower()}, claims(), signer.key, signer.alg
        ),
    }

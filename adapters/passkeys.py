"""Passkeys by the library `webauthn`, which is loaded when somebody first uses one."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from idp.domain.ids import encode_base64url
from idp.ports.passkeys import NewPasskey, PasskeyRefused, Proof

T = TypeVar("T")

ANSWER_MAX: Final = 16384
#: How long the browser waits for the person; milliseconds.
TIMEOUT_MS: Final = 300_000
_TRANSPORTS: Final = frozenset({"usb", "nfc", "ble", "smart-card", "internal", "hybrid"})
_ID_MAX: Final = 1023
_NAME: Final = "SIAPkerja ID"


@dataclass(frozen=True, slots=True)
class WebauthnPasskeys:
    """Implements `idp.ports.passkeys.Passkeys`.

    `origin`: of our pages, exactly. `host`: the relying party's id, that origin's host.
    """

    origin: str
    host: str

    def creation_options(
        self, *, challenge: bytes, handle: bytes, name: str, known: Sequence[bytes]
    ) -> str:
        import webauthn  # noqa: PLC0415 - loads much that a server rarely needs
        from webauthn.helpers import structs  # noqa: PLC0415 - see above

        options = webauthn.generate_registration_options(
            rp_id=self.host,
            rp_name=_NAME,
            user_id=handle,
            user_name=name,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in known],
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.PREFERRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
        )
        return webauthn.options_to_json(options)

    def check_creation(self, answer: str, *, challenge: bytes) -> NewPasskey:
        import webauthn  # noqa: PLC0415 - see above
        from webauthn.helpers.structs import CredentialDeviceType  # noqa: PLC0415 - see above

        told = _read(answer)

        def check() -> NewPasskey:
            made = webauthn.verify_registration_response(
                credential=told,
                expected_challenge=challenge,
                expected_rp_id=self.host,
                expected_origin=self.origin,
                require_user_verification=True,
            )
            if not 1 <= len(made.credential_id) <= _ID_MAX:
                raise PasskeyRefused("answer")
            return NewPasskey(
                made.credential_id,
                made.credential_public_key,
                made.sign_count,
                _transports(told),
                is_synced=made.credential_device_type is not CredentialDeviceType.SINGLE_DEVICE,
            )

        return _guarded(check)

    def request_options(
        self, *, challenge: bytes, allowed: Sequence[tuple[bytes, Sequence[str]]]
    ) -> str:
        # a question is six members; the library behind it is 20 MiB that a server whose people
        # have no passkeys never needs to load
        return json.dumps(
            {
                "challenge": encode_base64url(challenge),
                "timeout": TIMEOUT_MS,
                "rpId": self.host,
                "allowCredentials": [
                    {
                        "id": encode_base64url(one),
                        "type": "public-key",
                        "transports": list(transports),
                    }
                    for one, transports in allowed
                ],
                "userVerification": "required",
            }
        )

    def credential_of(self, answer: str) -> bytes:
        from webauthn.helpers import base64url_to_bytes  # noqa: PLC0415 - see above

        told = _read(answer)
        return _guarded(lambda: base64url_to_bytes(told["rawId"]))

    def check_request(
        self, answer: str, *, challenge: bytes, public_key: bytes, sign_count: int
    ) -> Proof:
        import webauthn  # noqa: PLC0415 - see above
        from webauthn.helpers import base64url_to_bytes  # noqa: PLC0415 - see above

        told = _read(answer)

        def check() -> Proof:
            shown = webauthn.verify_authentication_response(
                credential=told,
                expected_challenge=challenge,
                expected_rp_id=self.host,
                expected_origin=self.origin,
                credential_public_key=public_key,
                credential_current_sign_count=sign_count,
                require_user_verification=True,
            )
            handle = told["response"].get("userHandle")
            return Proof(shown.new_sign_count, base64url_to_bytes(handle) if handle else None)

        return _guarded(check)


def _read(answer: str) -> dict[str, Any]:
    if len(answer) > ANSWER_MAX:
        raise PasskeyRefused("answer")
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise PasskeyRefused("answer") from error
    if not isinstance(told, dict):
        raise PasskeyRefused("answer")
    return told


def _transports(told: dict[str, Any]) -> tuple[str, ...]:
    """Return how the browser says that the passkey is reached; words that we do not know go."""
    response = told.get("response")
    named = response.get("transports") if isinstance(response, dict) else None
    found = named if isinstance(named, list) else []
    return tuple(sorted({one for one in found if isinstance(one, str)} & _TRANSPORTS))


def _guarded(check: Callable[[], T]) -> T:
    """Run the library's check; whatever it makes of a bent answer is a refusal."""
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415 - see above

    try:
        return check()
    except WebAuthnException as error:
        raise PasskeyRefused("proof") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise PasskeyRefused("answer") from error

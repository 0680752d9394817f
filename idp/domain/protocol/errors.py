"""The registered error codes of OAuth and OpenID Connect, one constructor each.

`error_description` is for developers: English, printable ASCII without quotes or backslashes
(RFC 6749 §5.2), never a value that somebody sent.
"""

from idp.domain.errors import Refused


class ProtocolError(Refused):
    """What a client is told. `status`: of the HTTP answer where nothing is redirected."""

    def __init__(
        self, error: str, description: str, *, status: int = 400, recorded: bool = False
    ) -> None:
        super().__init__(error, recorded=recorded)
        self.error = error
        self.description = description
        self.status = status

    @property
    def for_the_team(self) -> str:
        """What the client's own team may know beyond what the caller is told."""
        return self.description

    def __str__(self) -> str:
        return f"{self.error}: {self.description}"


def invalid_request(description: str) -> ProtocolError:
    """RFC 6749 §4.1.2.1, §5.2."""
    return ProtocolError("invalid_request", description)


def invalid_client(description: str = "client authentication failed") -> ProtocolError:
    """RFC 6749 §5.2; an unknown client and a wrong secret read the same."""
    return ProtocolError("invalid_client", description, status=401)


def invalid_grant(description: str, *, recorded: bool = False) -> ProtocolError:
    """RFC 6749 §5.2."""
    return ProtocolError("invalid_grant", description, recorded=recorded)


def unauthorized_client(description: str) -> ProtocolError:
    """RFC 6749 §4.1.2.1, §5.2."""
    return ProtocolError("unauthorized_client", description)


def unsupported_grant_type(description: str) -> ProtocolError:
    """RFC 6749 §5.2."""
    return ProtocolError("unsupported_grant_type", description)


def unsupported_response_type(description: str) -> ProtocolError:
    """RFC 6749 §4.1.2.1."""
    return ProtocolError("unsupported_response_type", description)


def invalid_scope(description: str) -> ProtocolError:
    """RFC 6749 §4.1.2.1, §5.2."""
    return ProtocolError("invalid_scope", description)


def invalid_target(description: str) -> ProtocolError:
    """RFC 8707 §2."""
    return ProtocolError("invalid_target", description)


def access_denied(description: str) -> ProtocolError:
    """RFC 6749 §4.1.2.1."""
    return ProtocolError("access_denied", description)


def login_required(description: str) -> ProtocolError:
    """OpenID Connect Core §3.1.2.6."""
    return ProtocolError("login_required", description)


def consent_required(description: str) -> ProtocolError:
    """OpenID Connect Core §3.1.2.6."""
    return ProtocolError("consent_required", description)


def interaction_required(description: str) -> ProtocolError:
    """OpenID Connect Core §3.1.2.6."""
    return ProtocolError("interaction_required", description)


def account_selection_required(description: str) -> ProtocolError:
    """OpenID Connect Core §3.1.2.6."""
    return ProtocolError("account_selection_required", description)


def unmet_authentication_requirements(description: str) -> ProtocolError:
    """OpenID Connect Core Error Code unmet_authentication_requirements §2."""
    return ProtocolError("unmet_authentication_requirements", description)


def request_uri_not_supported(description: str) -> ProtocolError:
    """OpenID Connect Core §3.1.2.6."""
    return ProtocolError("request_uri_not_supported", description)


def registration_not_supported(description: str) -> ProtocolError:
    """OpenID Connect Core §3.1.2.6."""
    return ProtocolError("registration_not_supported", description)


def invalid_request_object(description: str) -> ProtocolError:
    """RFC 9101 §7."""
    return ProtocolError("invalid_request_object", description)


def invalid_request_uri(description: str) -> ProtocolError:
    """RFC 9101 §7."""
    return ProtocolError("invalid_request_uri", description)


def invalid_token(description: str) -> ProtocolError:
    """RFC 6750 §3.1."""
    return ProtocolError("invalid_token", description, status=401)


def insufficient_scope(description: str) -> ProtocolError:
    """RFC 6750 §3.1."""
    return ProtocolError("insufficient_scope", description, status=403)


def invalid_client_metadata(description: str) -> ProtocolError:
    """RFC 7591 §3.2.2."""
    return ProtocolError("invalid_client_metadata", description)


def temporarily_unavailable(description: str) -> ProtocolError:
    """RFC 6749 §4.1.2.1."""
    return ProtocolError("temporarily_unavailable", description, status=503)


def slow_down(description: str) -> ProtocolError:
    """Too many requests; the answer carries Retry-After (RFC 6585 §4)."""
    return ProtocolError("temporarily_unavailable", description, status=429)

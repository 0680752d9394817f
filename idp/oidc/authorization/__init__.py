"""From a request to a code or an error (OpenID Connect Core §3.1.2)."""

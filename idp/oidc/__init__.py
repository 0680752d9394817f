"""Use cases for clients: OAuth and OpenID Connect. The only importer of Authlib; no Flask."""

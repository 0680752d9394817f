"""The JKP claims module, first slice: a portal that trusts SIAPkerja ID by its tokens alone.

It knows the issuer's URL and its own registration there, and imports nothing of the provider.
"""

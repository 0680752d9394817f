"""The partner space: teams, their portals, and the tools to try them. Ordinary sign-in, no console.

Importing this package registers every page with the blueprint.
"""

from idp.web.partner import portals, releases, start, teams, tester, token_reader
from idp.web.partner.blueprint import partner

__all__ = ["partner", "portals", "releases", "start", "teams", "tester", "token_reader"]

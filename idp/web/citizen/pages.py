"""The start page and the static ones."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from idp.web.citizen.blueprint import citizen
from idp.web.context import signed_in, web_settings


@citizen.get("/")
def start() -> ResponseReturnValue:
    """Show what the account is for; whoever is signed in goes to it."""
    if signed_in() is not None:
        return redirect(url_for("citizen.account_home"), 303)
    return render_template("citizen/pages/start.html")


@citizen.get("/bantuan")
def help_page() -> ResponseReturnValue:
    """Show whom to call and what to do."""
    return render_template("citizen/pages/help.html", contact=web_settings())


@citizen.get("/privasi")
def privacy_page() -> ResponseReturnValue:
    """Show the privacy notice."""
    return render_template("citizen/pages/privacy.html", contact=web_settings())


@citizen.get("/syarat")
def terms_page() -> ResponseReturnValue:
    """Show the terms."""
    return render_template("citizen/pages/terms.html")


@citizen.get("/aksesibilitas")
def accessibility_page() -> ResponseReturnValue:
    """Show what the pages promise to everybody."""
    return render_template("citizen/pages/accessibility.html", contact=web_settings())

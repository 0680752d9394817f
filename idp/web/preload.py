"""What workers share when it is loaded before they are forked, and takes the start no longer."""

from flask import Flask

from idp.web import compiled, i18n


def preload(app: Flask) -> None:
    """Load the templates, and how each language writes dates and numbers."""
    compiled.load_compiled(app)
    i18n.load()

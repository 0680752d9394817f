"""The application for a WSGI server: `granian --interface wsgi jkp.wsgi:app`."""

from jkp.app import create_app
from jkp.settings import Settings

app = create_app(Settings.from_env())

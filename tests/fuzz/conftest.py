"""What fuzzing needs: how many tries, and what no answer may ever be."""

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("FUZZ") == "long"

settings.register_profile(
    "siapkerja",
    deadline=None,
    database=None,
    # the short run tries the same in every build; the long one looks further each time
    derandomize=not LONG,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("siapkerja")

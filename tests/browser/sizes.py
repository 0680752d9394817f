"""The two sizes at which pages are looked at, and the narrowest that must do."""

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
NARROW = {"width": 320, "height": 640}

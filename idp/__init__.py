"""SIAPkerja ID, the identity provider of Kemnaker."""

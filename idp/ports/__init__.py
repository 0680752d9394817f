"""What we need from outside, as protocols named for the need."""

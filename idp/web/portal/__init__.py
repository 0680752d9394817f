"""What relying parties call."""

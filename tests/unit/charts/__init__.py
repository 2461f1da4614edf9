"""What the charts render."""

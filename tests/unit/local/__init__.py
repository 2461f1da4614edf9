"""What the launcher decides, without starting anything."""

"""A message with what travels beside its body, and the logs that it travels in. Pure."""

"""What is pure, without any server."""

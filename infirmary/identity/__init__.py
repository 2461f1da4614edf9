"""Who asks: what a token says of its bearer, and whether its word counts."""

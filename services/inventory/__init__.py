"""The hospital's medications: what they cost, how many boxes there are, and for which prescriptions they are kept."""

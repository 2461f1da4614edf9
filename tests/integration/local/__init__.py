"""The private servers, processes and the whole hospital on this machine, for real."""

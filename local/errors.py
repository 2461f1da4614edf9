"""What can go wrong on this machine, in words for the person at the keyboard."""


class LocalError(Exception):
    """Something on this machine prevents the start; the message says what and what to do about it."""

"""Refusals of a caller, as RFC 6750 has them: what is answered, and the header by which a client knows what to do."""

from typing import Final

REALM: Final = "infirmary"


class Refused(Exception):
    """A request is not carried out, because of who asks or because that is not known."""

    def __init__(self, status: int, detail: str, error: str | None = None, scope: str | None = None) -> None:
        """Says why.

        Args:
            status: 401: who asks is not known; 403: they may not.
            detail: What is wrong, without anything of the token.
            error: RFC 6750's word for it; None where no token was given, of which nothing can be wrong.
            scope: What would be enough.
        """
        super().__init__(detail)
        self.status, self.detail, self.error, self.scope = status, detail, error, scope

    @property
    def challenge(self) -> str:
        """The value of `WWW-Authenticate`."""
        said = {"realm": REALM}
        if self.error is not None:
            said |= {"error": self.error, "error_description": self.detail}
        if self.scope is not None:
            said["scope"] = self.scope
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in said.items())


class KeysMissing(Exception):
    """No key of the provider's has ever been fetched, so that no token can be told from a made-up one."""


def no_token() -> Refused:
    """Returns the refusal of a request that does not say who asks."""
    return Refused(401, "an access token is needed, as Authorization: Bearer and the token")


def invalid_token(why: str) -> Refused:
    """Returns the refusal of a token that is not good."""
    return Refused(401, why, "invalid_token")


def insufficient_scope(scope: str) -> Refused:
    """Returns the refusal of a caller who is known and may not do this."""
    return Refused(403, f"the access token lacks the scope {scope}", "insufficient_scope", scope)

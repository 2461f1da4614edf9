"""The ways in which a connection to the broker ends."""

from infirmary_relay.problem import Reason


class BrokerLostError(Exception):
    """The connection is gone or unusable, through no message's fault; what was in flight is simply read again."""

    reason = Reason.BROKER_AWAY


class PublishingRefusedError(BrokerLostError):
    """The broker closed the channel or the connection over something that was published on it, and said why."""


class OwnedByAnotherError(BrokerLostError):
    """The virtual host belongs to another database's service of this name: nothing may be published."""

    reason = Reason.BROKER_OF_ANOTHER

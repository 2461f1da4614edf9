"""What the relay tells a monitoring system about itself."""

from prometheus_client import CollectorRegistry, Counter, Gauge

registry = CollectorRegistry()

turns = Counter("relay_loop_turns", "Turns of the loop", registry=registry)
published = Counter("relay_published", "Messages written to the broker", registry=registry)
confirmed = Counter("relay_confirmed", "Messages that the broker confirmed", registry=registry)
returned = Counter("relay_returned", "Messages that no queue or log took", registry=registry)
refused = Counter("relay_refused", "Messages that their queue refused, or that cannot be sent", registry=registry)
connections = Counter("relay_connections", "Connections opened", ["server"], registry=registry)
errors = Counter("relay_errors", "Connections lost and attempts that failed", ["server"], registry=registry)
in_flight = Gauge("relay_in_flight", "Messages published and not yet settled", registry=registry)
partitions = Gauge("relay_partitions_owned", "Partitions of the outbox that this relay owns", registry=registry)
depth = Gauge("relay_outbox_depth", "Messages that wait in the outbox, counted up to 10,000", registry=registry)
oldest_age = Gauge("relay_outbox_oldest_age_seconds", "Age of the oldest message that waits", registry=registry)
blocked = Gauge("relay_blocked", "Targets and subjects that are held back", ["kind"], registry=registry)
broker_blocked = Gauge("relay_broker_blocked", "1 while the broker takes no messages", registry=registry)

"""What every service stands on: messages, outbox, consumer, sagas, snapshots, HTTP, health, metrics."""

"""What every service stands on: messages, outbox, inbox, consumer, sagas, snapshots, HTTP, health, metrics."""

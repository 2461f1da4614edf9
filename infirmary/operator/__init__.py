"""The operator's commands: parked messages, sagas and the outbox of one service."""

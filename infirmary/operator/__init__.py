"""What an operator does by hand: parked messages, sagas and the outbox of one service."""

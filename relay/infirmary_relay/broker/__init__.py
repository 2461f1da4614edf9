"""The broker side: a connection that publishes batches and cannot mistake one confirm for another."""

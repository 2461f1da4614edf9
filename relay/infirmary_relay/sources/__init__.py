"""Where messages come from: an outbox in PostgreSQL or in MongoDB, behind one interface and one conformance suite."""

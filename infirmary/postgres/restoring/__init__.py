"""A restore's work in PostgreSQL: numbers, answers, sagas and the state, each batch in one transaction."""

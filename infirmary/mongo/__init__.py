"""The library of a service with a MongoDB database: a document, its cause and its outbox are one write."""

"""The history of the library's own tables: numbered like a service's, and run before those."""

"""What a service declares, looked at when it is imported: messages, handlers, who writes what."""

"""A restore's work in MongoDB, where the document that a message has caused is what tells that it was answered."""

"""Makes a database that was set back whole again, from what its service has said in its own logs since the backup."""

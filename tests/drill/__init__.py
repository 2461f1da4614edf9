"""The drill: databases go back to backups of different moments, and are restored from what their services have said."""

"""What is over and kept for the record: sagas that have ended, and what was answered to sagas, by weeks."""

"""The hospital on one machine: private servers, databases, the services' processes and what supervises them."""

"""What is run by hand or by make, outside of the hospital."""

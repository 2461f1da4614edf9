"""Prescriptions: what was prescribed to whom, what became of it, and the saga that hands the boxes out."""

"""A change inside patient, as a developer would make it: a column gets another name, in two migrations."""

"""Production's manifests on the operators that are meant: built from their modules, run in a cluster."""

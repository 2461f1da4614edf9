"""The hospital on a real Kubernetes: `make k8s-test`, against kubectl's current context.

These tests deploy to the namespace infirmary, and kill and replace pods there. They run only when they are asked for.
"""

"""Tests of the client against a stand-in, and of what is measured."""

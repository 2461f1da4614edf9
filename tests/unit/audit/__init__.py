"""Tests of the checks over facts made by hand."""

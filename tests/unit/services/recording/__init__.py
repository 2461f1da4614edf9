"""Unit tests of audit; `audit` itself is the package that checks from outside."""

"""Tests: unit (pure), integration (real servers), contract (schemas between services), e2e (the whole hospital)."""

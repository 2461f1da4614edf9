"""What a process shows of itself: metrics, readiness, probes, JSON logging."""

"""Carries: values to bytes and back, bytes to another process and back. Knows nothing of tasks or workers."""

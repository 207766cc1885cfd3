"""Decides where: which kind of worker, how many, and why."""

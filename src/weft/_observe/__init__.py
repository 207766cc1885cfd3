"""Tells what happens: events to observers, and the observers that weft brings along."""

"""Data that workers share: the same code in every process; what is pickled of it is where it is."""

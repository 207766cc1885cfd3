"""Decides when: which chunk next, which result may leave, what is overdue. Pure, but for the drivers."""

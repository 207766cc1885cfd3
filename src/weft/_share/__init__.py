"""Data that workers share: arrays, and small things with a lock in them."""

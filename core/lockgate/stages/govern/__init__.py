"""Govern: evidence for those who were not there."""

"""Harden: scan, sign and list what a model is made of."""

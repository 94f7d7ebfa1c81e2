"""Develop: isolated, recorded work on notebooks and training runs."""

"""Retrain: has the world changed, or is somebody changing the data."""

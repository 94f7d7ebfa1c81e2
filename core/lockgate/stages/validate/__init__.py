"""Validate: attack the model before others do."""

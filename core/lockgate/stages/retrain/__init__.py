"""Stages that decide whether a model is trained again."""

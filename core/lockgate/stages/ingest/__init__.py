"""Ingest: is this the data that was delivered, is it sound, was it tampered with."""

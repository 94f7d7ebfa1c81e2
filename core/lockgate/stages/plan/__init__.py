"""Plan: security objectives and responsibilities, before there is data."""

"""Monitor: watch what a served model is asked and answers."""

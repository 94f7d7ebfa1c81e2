"""Deploy: let through only what has its evidence."""

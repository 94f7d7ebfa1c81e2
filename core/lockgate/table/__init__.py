"""The table engine: tables are read and counted where they lie, on DuckDB."""

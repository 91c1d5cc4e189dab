"""A run as a table: Parquet, CSV, JSON Lines or SQLite."""

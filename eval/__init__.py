"""Scores reports against labels by people, and compares versions of a prompt."""

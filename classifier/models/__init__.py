"""The one seam to a model, and what wraps it: structured output, cache and retry."""

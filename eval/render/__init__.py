"""How scores and comparisons look: text, JUnit XML, GitHub annotations, one HTML page."""

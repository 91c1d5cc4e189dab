"""A run on several processes or machines: a bank that all share, stations, and who drives them."""

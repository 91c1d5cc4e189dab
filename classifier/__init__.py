"""Says what kinds of software failures the news reports, with every claim pinned to a quote."""

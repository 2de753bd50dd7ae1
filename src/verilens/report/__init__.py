"""Reports out: terminal, JSON Lines, tables, and pages to attach to a story."""

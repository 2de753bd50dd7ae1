"""Train the starter weights: one command, every stage resumable, one seed."""

"""Files in: recognised by content, decoded in a child process, sampled into clips."""

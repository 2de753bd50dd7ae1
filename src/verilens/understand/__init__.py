"""Models that understand pictures, films and text, and how they are asked."""

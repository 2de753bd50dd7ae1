"""Methods that tell genuine media from fake. A folder is a method, a file is shared."""

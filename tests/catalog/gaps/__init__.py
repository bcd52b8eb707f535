"""What Asterisk's XML documentation lacks or has wrong: kept by hand, from its source (named) and from real servers."""

"""What the project does with calls."""

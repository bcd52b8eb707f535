"""The admin in a real browser, with two listeners of which one stands by."""

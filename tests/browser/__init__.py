"""The wallboard in a real browser, with a listener and a web server as they run in production."""

"""Real servers for tests: each started from Debian's packages, on loopback, on a free port, in a temporary folder."""

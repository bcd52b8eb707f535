"""A project whose receivers tell in a file what they got, for the tests of leases."""

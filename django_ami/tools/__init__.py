"""The parts that the commands are made of; nothing but commands imports it."""

"""The live picture of calls and queues: pure, made of events and answers alone."""

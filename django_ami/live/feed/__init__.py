"""The live pictures of a listener, published for all processes of a project.

A feed is a row of batches of changed objects, with growing numbers, and now and then the whole
picture. A listener writes it (``publisher``), each process reads it once (``mirror``), and a
*backend* keeps it: ``memory``, ``database`` or ``redis``.
"""

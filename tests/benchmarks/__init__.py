"""How fast it is: ``python -m tests.benchmarks`` measures, side by side with others, and says which
goals are reached.

``events`` are what is sent, ``server`` sends it; ``clients`` are the programs that are measured,
each in a process of its own: ours, the peers', and bare loops for what Python can do at all;
``scenarios`` say what they do and what is compared; ``goals`` is what is to be reached, ``report``
the table. ``guard`` is the part that CI runs.
"""

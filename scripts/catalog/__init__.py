"""The program that writes the catalogue of actions and events, and the typed actions.

Run it as ``python -m scripts.catalog``. It reads the facts in the XML documentation that an
installed Asterisk carries, a table of what that lacks (``gaps``) and what is to be said in words
(``words``), and writes ``django_ami/core/catalog/actions.py`` and ``events.py`` and
``django_ami/core/actions/generated.py``.
"""

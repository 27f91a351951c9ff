"""Sets Leafspot up on a bare machine and starts it; standard library only.

Begin at ``run.py``, which any Python can read; ``main.py`` is the story from there on.
"""

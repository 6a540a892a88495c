"""Exercises that answer back: ``check("04.1", my_function)`` says in one line what is right or wrong, and where.

`check`, `hint`, `solution` and `progress` are what a notebook uses. Each notebook's exercises stand in one file
named after it, such as ``04.py``: the task, the cell with its solution, and how it is checked (`Exercise`).
"""

from coursekit.exercises.answers import ExerciseError, check, grade, hint, progress, solution

__all__ = ["ExerciseError", "check", "grade", "hint", "progress", "solution"]

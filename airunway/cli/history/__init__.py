"""`airunway history`: the life of a deployment in plain lines.

    printing.py        a table, JSON, JSON lines
    telling.py         what is told, and following it

What is read and merged is `airunway.console.history`.
"""

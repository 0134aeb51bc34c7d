"""How each engine reads its command line: tables of flags, and the rules by which arguments become tokens.

Pure, and below everything that renders: a provider names a `Grammar` of `grammars`, `arguments` writes and
reads by it, `findings` says what the engine would not take. The tables are generated from the engines' own
definitions (`tools/generate/engine_flags.py`), one for each version that is rendered by default.
"""

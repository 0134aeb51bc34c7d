"""BuildKit's messages and services: the `.proto` files are ours, the rest is generated from them.

    python3 dev.py generate

Field numbers are BuildKit's (v0.34); what is not used here is left out, and skipped when it comes.
"""

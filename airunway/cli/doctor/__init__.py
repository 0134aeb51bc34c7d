"""`airunway doctor`: is everything in place, and what to do where it is not.

command   the options            examination   running the checks, each bounded and alone
findings  what a check says      place         what checks share: cluster and Temporal, reached once
temporal  cluster  controllers  providers  images   the checks
"""

"""How a provider's upstream operator is installed: read from its config, planned, and judged. Pure.

Apart from `activities`, which does it, so that every rule can be tested as a function on values, and from
`providers`, because a third-party provider is installed by the same rules: nothing here names one but
where the reference does (install.md §A4.2, §A9.3).
"""

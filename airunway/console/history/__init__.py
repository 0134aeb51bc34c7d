"""The life of a deployment in lines, from everything that remembers it.

    line.py        one line, and its JSON: what all sources are brought to
    read_events.py events of a workflow's history, payloads decoded
    steps.py       what a step's request and answer say, in words
    signals.py     likewise of a signal
    run_reader.py  the events of one run → lines
    sources.py     the journal and Kubernetes Events → lines
    fetch.py       runs and their events from Temporal, page by page; the journal
    merge.py       many sources in the order of time, nothing told twice
    life.py        which sources a deployment has

Only `fetch` and `life` do anything; the rest is pure. Nothing is held but a few seconds of lines: a
deployment may have lived through a hundred thousand events.
"""

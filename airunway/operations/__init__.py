"""What people ask of the control plane, by command line or page: the same words, refusals and answers.

errors         what can come of it          updates        asking a workflow, and its answer
installations  operators of providers       temporal       a client, soon or not at all
"""

"""What people ask of the control plane, from the command line or a page: alike in refusals and answers.

errors         what can come of it
updates        asking a workflow, and its answer
installations  operators of providers
"""

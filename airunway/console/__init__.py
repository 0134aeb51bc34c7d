"""What people see, alike in the command line and in the web pages.

    plan.py              what would become of a ModelDeployment; with `plan_publication.py`
    history/             the life of a deployment in lines
    plan_world.py        what a plan is made against; `gateway_world.py` reads a part of it
    documents.py         manifests as text
    rows.py              what a table shows of a deployment
    workflow_state.py    how the workflow of a deployment is; `workflow_states.py` reads it of Temporal
    fleet_troubles.py    the same of all in a list
    workflow_report.py   the same of one, with what it says itself
    calling.py           how a published model is called
    provider_metadata.py what is known of a provider
    links.py             addresses in Temporal's UI
    temporal_errors.py   what an error of Temporal's means

Nothing here prints or knows of a terminal, a page or a request.
"""

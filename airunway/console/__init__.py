"""What people see, alike in the command line and in the web pages.

    plan.py              what would become of a ModelDeployment; with `plan_publication.py`
    history/             the life of a deployment in lines
    rows.py              what a table shows of a deployment
    workflow_states.py   how the workflow of a deployment is
    links.py             addresses in Temporal's UI
    temporal_errors.py   what an error of Temporal's means

Nothing here prints or knows of a terminal, a page or a request.
"""

"""The pages: what is deployed, how it goes, and why, in HTML that is readable without scripts.

    rendering.py          templates to answers; refusals as pages
    deploy_form.py        fields of the form ↔ a ModelDeployment; YAML text
    live_plan.py          the plan of what is typed
    fleet_view.py         deployments and GPUs as the first page shows them
    deployment_view.py    one deployment as its page shows it; condition_words.py: its conditions
    timeline.py           its life; timeline_words.py: what its steps are called
    image_views.py        builds, and what the registry holds
    provider_views.py     providers, and what is being done to them
    live_events.py        what tells an open page that something changed
    *_routes.py           paths, rights, and what the buttons do

What makes a view of objects is pure. Scripts and styles are files of `airunway/web/static`; no page needs a
script to be read or used.
"""

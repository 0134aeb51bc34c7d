"""`airunway migrate`: from AI Runway's own controllers to this system, and back.

command      the options                      check   what would change, and what is in the way
controllers  whose a Deployment is            record  what was found at first, for going on and going back
steps        scaling, Leases, waiting         moves   the two directions, in their order
census       the fleet before and after
"""

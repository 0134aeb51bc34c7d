"""Is what is rendered taken by the published definitions of every upstream version that is known?"""

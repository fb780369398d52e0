"""GitHub's JSON of the sandbox's records: complete enough for githubkit's full models and the webhook schemas.

Each function takes the hub (for URLs) and a record. Names say whose shape it is: `…_simple` is what lists carry.
"""

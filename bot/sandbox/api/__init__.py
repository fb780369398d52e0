"""REST under `/api/v3`: thin doors to the hub's verbs, one module per part of GitHub's API."""

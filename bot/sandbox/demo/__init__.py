"""`ai-ready demo`: the main job on localhost, with everything real but GitHub and (unless `--live`) the model."""

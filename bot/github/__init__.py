"""TALK. The only importer of github, githubkit and jwt."""

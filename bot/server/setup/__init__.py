"""Setting up: the App by a manifest, the repository by a pull request."""

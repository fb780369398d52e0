"""ai-ready: a GitHub-native CI bot."""

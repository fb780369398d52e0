"""Sandbox only: what stands in for actions/checkout, actions/upload-artifact and actions/download-artifact."""

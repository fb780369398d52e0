"""From a spec to phased tasks: what is asked of the agent, what of its answer is believed, what it changes."""

"""Deployment artefacts, run for real wherever no container engine or cluster is needed."""

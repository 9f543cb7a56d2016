"""Bedrock simulated in virtual time: scenarios, workloads, baselines, and the figures of each run."""

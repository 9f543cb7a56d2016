"""A Bedrock Runtime over HTTP that any AWS SDK can call, with quotas, faults and a ledger."""

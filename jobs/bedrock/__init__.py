"""Amazon Bedrock Runtime over HTTP: signing, credentials, error classification, the model catalogue."""

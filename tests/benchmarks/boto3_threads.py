"""The comparison: plain boto3 in threads. `boto3_threads.py FOLDER THREADS MODEL`."""

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config

PROMPT = "Summarize the following section in a few sentences."


def main(folder: str, threads: int, model: str) -> None:
    """Call Converse once for each section below the folder; every call must succeed."""
    sections = [
        section
        for path in sorted(Path(folder).rglob("*.md"))
        for section in re.split(r"(?m)^(?=## )", path.read_text())[1:]
    ]
    client = boto3.client("bedrock-runtime", config=Config(max_pool_connections=threads))

    def call(section: str) -> str:
        reply = client.converse(
            modelId=model,
            messages=[{"role": "user", "content": [{"text": f"{PROMPT}\n\n{section}"}]}],
            inferenceConfig={"maxTokens": 1024},
        )
        return str(reply["output"]["message"]["content"][0]["text"])

    with ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(call, sections))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])

"""x"""


def main() -> None:
    """Entry."""

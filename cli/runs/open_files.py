"""Every call in flight takes a file descriptor; how many a process may have is the system's to say."""

RESERVED = 64
"""For the journal, the cache, pipes, and what libraries open."""


def affordable(calls: int) -> int:
    """Of so many calls in flight, how many there are descriptors for; this process's limit is raised if that helps."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return calls
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = calls + RESERVED
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return calls if soft == resource.RLIM_INFINITY else max(1, min(calls, soft - RESERVED))

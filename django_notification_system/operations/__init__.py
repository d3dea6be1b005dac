"""Operations for a site's people: the queue's state, the purge, a test message."""

"""Jobs: the queue, its workers, their processes, and what a request that waits is answered."""

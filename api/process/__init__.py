"""The processes of the service: workers and their parent, threads with a loop of their own, memory, warm-up."""

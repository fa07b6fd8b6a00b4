"""Arrow IPC bodies: guarded from the raw bytes, read column by column."""

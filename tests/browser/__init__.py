"""The console in a real browser: Chromium from Debian, over HTTP, on a service in its own process."""

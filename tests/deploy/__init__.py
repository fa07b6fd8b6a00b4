"""What operators install: the dashboard and the alerts ask only for what the service measures."""

"""What one settlement is computed from: frames, checked, loaded from journal and registry as of one batch."""

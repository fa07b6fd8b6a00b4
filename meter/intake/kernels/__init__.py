"""The kernels that read plainly written JSON records; what they leave, the authority (record/) reads."""

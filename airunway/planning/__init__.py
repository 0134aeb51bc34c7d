"""What would become of a ModelDeployment, for the command line and the pages."""

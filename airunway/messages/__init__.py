"""What workflows, activities, watcher and command line say to each other. Pure."""

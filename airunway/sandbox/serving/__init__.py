"""What pretend pods serve: model servers that answer with canned words, their metrics, and lines of logs."""

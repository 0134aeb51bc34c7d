"""What somebody can do who reaches Temporal, or some other boundary, and is nobody's friend: nothing."""

"""The safety net under the watches: what is compared with what the statuses say, by lists only."""

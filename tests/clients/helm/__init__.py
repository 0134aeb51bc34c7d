"""Tests of the Helm adapter: what is pure, the child process, and releases on emulated and real clusters."""

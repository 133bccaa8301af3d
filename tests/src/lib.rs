//! Helpers shared by the kernel scenarios: bounded waits, name spaces, the cable's two ends.

"""The engine: claim what is due, deliver it, settle the outcome, record it, report it."""

"""Helpers of ``test_upgrade_from_1_5_3``."""

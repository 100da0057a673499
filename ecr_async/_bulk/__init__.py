"""Bulk operations: scans of images and findings, batches, and what they share."""

"""The admission service: has a patient admitted by ward, patient, billing and notification, or by none of them."""

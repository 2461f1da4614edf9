"""The hospital's nine services and the chassis that they stand on."""

"""The ward service: wards, their beds, and which admission holds one."""

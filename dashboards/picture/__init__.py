"""The home as a picture: its panels drawn as SVG by hand, from Prometheus' own answers."""

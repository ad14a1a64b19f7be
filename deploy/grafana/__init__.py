"""The dashboards, written as lists of panels and kept as the JSON that Grafana provisions."""

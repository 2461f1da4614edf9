"""What an operator looks at: Grafana's dashboards as code. k8s/dashboards holds the JSON that is made of them."""

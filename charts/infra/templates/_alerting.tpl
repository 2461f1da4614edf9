{{- /* Alertmanager's whole configuration: routes and inhibitions are the chart's, the receivers the values'. */}}
{{- define "infra.alertmanager.configuration" -}}
{{ .Files.Get "files/alertmanager.yml" }}
receivers:
  {{- range $severity := list "critical" "warning" "info" "none" }}
  - name: {{ $severity }}
    {{- with get $.Values.alertmanager.receivers $severity }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end -}}

{{- /* Prometheus' configuration: what it scrapes, what it judges by, and whom it tells. */}}
{{- define "infra.prometheus.configuration" -}}
{{- $every := .Values.prometheus.scrapeInterval -}}
global: { scrape_interval: {{ $every }}, evaluation_interval: {{ $every }} }
rule_files: [/etc/prometheus/alerts.yml]
{{- if .Values.alertmanager.enabled }}
alerting: { alertmanagers: [{ static_configs: [{ targets: ["alertmanager:9093"] }] }] }
{{- end }}
{{ .Files.Get "files/prometheus.yml" }}
{{- end -}}

{{- /* The rules of the values, or else the chart's, with the address at which the runbooks are read. */}}
{{- define "infra.alerts" -}}
{{- .Values.prometheus.rules | default (.Files.Get "files/alerts.yaml") | replace "runbook_url: docs/" (printf "runbook_url: %s" .Values.grafana.docs) -}}
{{- end -}}

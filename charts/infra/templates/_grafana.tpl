{{- /* What Grafana asks: whichever of the servers are there. */}}
{{- define "infra.grafana.datasources" -}}
apiVersion: 1
datasources:
  {{- if .Values.prometheus.enabled }}
  - name: Prometheus
    uid: prometheus
    type: prometheus
    access: proxy
    url: http://prometheus:9090
    isDefault: true
    jsonData:
      timeInterval: {{ .Values.prometheus.scrapeInterval }}
      {{- if (.Values.zipkin).enabled }}
      exemplarTraceIdDestinations: [{ name: trace_id, datasourceUid: zipkin }]
      {{- end }}
  {{- end }}
  {{- if (.Values.zipkin).enabled }}
  - { name: Zipkin, uid: zipkin, type: zipkin, access: proxy, url: "http://zipkin:9411" }
  {{- end }}
  {{- if (.Values.alertmanager).enabled }}
  - name: Alertmanager
    uid: alertmanager
    type: alertmanager
    access: proxy
    url: http://alertmanager:9093
    jsonData: { implementation: prometheus }
  {{- end }}
{{- end -}}

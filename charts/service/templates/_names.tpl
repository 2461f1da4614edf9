{{/* What things are called. Each definition takes the root context; those of a process also take its role. */}}

{{- define "service.name" -}}
{{- required "say which service: --set service=... or -f charts/services/<name>.yaml" .Values.service -}}
{{- end -}}

{{- define "service.labels" -}}
{{ include "service.selector" . }}
app.kubernetes.io/part-of: infirmary
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "service.selector" -}}
app.kubernetes.io/name: {{ include "service.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The label by which the servers of charts/infra know whom to let in. */}}
{{- define "service.guest" -}}
infirmary.dev/database: {{ .Values.database.engine }}
infirmary.dev/broker: rabbitmq
{{- end -}}

{{- define "service.image" -}}
{{- $image := .Values.image -}}
{{ $image.repository | default (printf "infirmary-%s" (include "service.name" .)) }}:{{ $image.tag }}
{{- end -}}

{{- define "service.relayImage" -}}
{{- $image := .Values.relay.image -}}
{{ $image.repository }}:{{ $image.tag | default .Values.image.tag }}
{{- end -}}

{{- define "service.databasePort" -}}
{{ .Values.database.port | default (eq .Values.database.engine "mongodb" | ternary 27017 5432) }}
{{- end -}}

{{/* The Secret that holds an address: (list root "database") or (list root "broker"). */}}
{{- define "service.secret" -}}
{{- $root := index . 0 -}}
{{- $given := index $root.Values.credentials (index . 1) -}}
{{- if $given.url -}}
{{ include "service.name" $root }}-own-credentials
{{- else -}}
{{ $given.secret | default (printf "%s-credentials" (include "service.name" $root)) }}
{{- end -}}
{{- end -}}

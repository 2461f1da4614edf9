{{/* What things are called. Each definition takes the root context; those of a process also take its role. */}}

{{- define "service.name" -}}
{{- $name := required "say which service: --set service=... or -f charts/services/<name>.yaml" .Values.service -}}
{{- if not (regexMatch "^[a-z][a-z0-9]{0,30}$" $name) -}}
{{- fail (printf "service: a service cannot be called %q: take 1 to 31 lower-case letters and digits, a letter first, without - and _" $name) -}}
{{- end -}}
{{- if has $name (list "alertmanager" "grafana" "guest" "infirmary" "mongodb" "none" "postgres" "postgresql" "prometheus" "public" "rabbitmq" "zipkin") -}}
{{- fail (printf "service: a service cannot be called %q: the name is taken, take another one" $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- define "service.labels" -}}
{{ include "service.selector" . }}
app.kubernetes.io/part-of: infirmary
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
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

{{/* The authority to trust for a server, as "<secret>/<key>", or nothing: (list root "database") or (list root "broker"). */}}
{{- define "service.authority" -}}
{{- $tls := (index . 0).Values.tls -}}
{{- $own := index $tls (index . 1) -}}
{{- with $own.caSecret | default $tls.caSecret -}}
{{ . }}/{{ $own.caKey | default $tls.caKey }}
{{- end -}}
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

{{/* Which processes the service consists of. */}}
{{- define "service.roles" -}}
{{- $roles := list -}}
{{- range $role := list "api" "consumer" "relay" -}}
{{- if (index $.Values $role).enabled -}}{{- $roles = append $roles $role -}}{{- end -}}
{{- end -}}
{{- join " " $roles -}}
{{- end -}}

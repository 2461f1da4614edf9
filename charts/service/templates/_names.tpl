{{/* What things are called. Each definition takes the root context; those of a process also take its role. */}}

{{- define "service.name" -}}
{{- $name := required "say which service: --set service=... or -f charts/services/<name>.yaml" .Values.service -}}
{{- if not (regexMatch "^[a-z][a-z0-9]{0,30}$" $name) -}}
{{- fail (printf "service: a service cannot be called %q: take 1 to 31 lower-case letters and digits, a letter first, without - and _" $name) -}}
{{- end -}}
{{- if has $name (list "alertmanager" "grafana" "guest" "infirmary" "keycloak" "mongodb" "none" "postgres" "postgresql" "prometheus" "public" "rabbitmq" "zipkin") -}}
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
{{ $image.repository | default (printf "infirmary-%s" (include "service.name" .)) }}{{ include "service.imageVersion" (list $image.digest $image.tag) }}
{{- end -}}

{{- define "service.relayImage" -}}
{{- $image := .Values.relay.image -}}
{{ $image.repository }}{{ include "service.imageVersion" (list $image.digest ($image.tag | default .Values.image.tag)) }}
{{- end -}}

{{/* What comes after an image's name: its digest, which names one image for ever, or its tag. */}}
{{- define "service.imageVersion" -}}
{{- with index . 0 }}@{{ . }}{{ else }}:{{ index . 1 }}{{ end -}}
{{- end -}}

{{- define "service.databasePort" -}}
{{ .Values.database.port | default (eq .Values.database.engine "mongodb" | ternary 27017 5432) }}
{{- end -}}

{{/* A port of the broker's: (list root "port") or (list root "streamPort"). */}}
{{- define "service.brokerPort" -}}
{{- $values := (index . 0).Values -}}
{{- $given := get $values.broker (index . 1) -}}
{{- $usual := $values.tls.enabled | ternary (dict "port" 5671 "streamPort" 5551) (dict "port" 5672 "streamPort" 5552) -}}
{{ kindIs "invalid" $given | ternary (get $usual (index . 1)) $given }}
{{- end -}}

{{/* The Secret with the API's certificate, or nothing. */}}
{{- define "service.certificate" -}}
{{- .Values.tls.api.secret | default (.Values.tls.enabled | ternary (printf "%s-tls" (include "service.name" .)) "") -}}
{{- end -}}

{{/* The authority to trust for a server, as "<secret>/<key>", or nothing: (list root "database") or (list root "broker"). */}}
{{- define "service.authority" -}}
{{- $tls := (index . 0).Values.tls -}}
{{- $own := index $tls (index . 1) -}}
{{- $infras := $tls.enabled | ternary "hospital-authority" "" -}}
{{- with $own.caSecret | default $tls.caSecret | default $infras -}}
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

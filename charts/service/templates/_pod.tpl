{{/* What the pods of a service have in common. */}}

{{/* Settings of all processes, as a map in YAML. */}}
{{- define "service.settings" -}}
{{- $all := dict "INFIRMARY_ENV" .Values.environment "LOG_LEVEL" .Values.logLevel -}}
{{- with .Values.traces.exporter }}{{ $_ := set $all "TRACE_EXPORTER" . }}{{ end -}}
{{- with .Values.traces.endpoint }}{{ $_ := set $all "TRACE_ENDPOINT" . }}{{ end -}}
{{- if not (kindIs "invalid" .Values.traces.ratio) }}{{ $_ := set $all "TRACE_RATIO" .Values.traces.ratio }}{{ end -}}
{{- with include "service.given" . }}{{ $_ := set $all "INFIRMARY_SETTINGS" . }}{{ end -}}
{{- range $name, $value := mergeOverwrite $all .Values.settings }}
{{ $name }}: {{ include "service.text" $value | quote }}
{{- end }}
{{- end -}}

{{/* A setting as its process reads it: a file's whole numbers are floating ones to helm, which would write 1048576 as 1.048576e+06. */}}
{{- define "service.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end -}}

{{/* Which settings were meant, for whatever role: our processes refuse one that none of them reads. */}}
{{- define "service.given" -}}
{{- $names := keys .Values.settings .Values.api.settings .Values.consumer.settings .Values.relay.settings -}}
{{- without ($names | uniq | sortAlpha) "INFIRMARY_SETTINGS" | join "," -}}
{{- end -}}

{{/* The addresses, from their Secrets. */}}
{{- define "service.addresses" -}}
{{- $credentials := .Values.credentials -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef: { name: {{ include "service.secret" (list . "database") }}, key: {{ $credentials.database.key }} }
- name: RABBITMQ_URL
  valueFrom:
    secretKeyRef: { name: {{ include "service.secret" (list . "broker") }}, key: {{ $credentials.broker.key }} }
{{- if not (hasKey .Values.settings "MESSAGE_MAX_BYTES") }}
# The broker's own limit, where charts/infra has made the Secret.
- name: MESSAGE_MAX_BYTES
  valueFrom:
    secretKeyRef: { name: {{ include "service.secret" (list . "broker") }}, key: MESSAGE_MAX_BYTES, optional: true }
{{- end }}
{{- if not (or .Values.traces.exporter (hasKey .Values.settings "TRACE_EXPORTER")) }}
{{- range $name := list "TRACE_EXPORTER" "TRACE_ENDPOINT" }}
# The development chart's Zipkin, where it has brought one.
- name: {{ $name }}
  valueFrom:
    secretKeyRef: { name: {{ include "service.secret" (list $ "broker") }}, key: {{ $name }}, optional: true }
{{- end }}
{{- end }}
{{- range $server, $variable := dict "database" "DATABASE_CA_FILE" "broker" "RABBITMQ_CA_FILE" }}
{{- with include "service.authority" (list $ $server) }}
- { name: {{ $variable }}, value: /etc/infirmary/{{ $server }}/ca.crt }
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Further variables, all those of a ConfigMap or a Secret. */}}
{{- define "service.moreVariables" -}}
{{- with .Values.extraEnvFrom }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What every process has mounted, besides its code. */}}
{{- define "service.mounts" -}}
- { name: tmp, mountPath: /tmp }
{{- range $server := list "broker" "database" }}
{{- with include "service.authority" (list $ $server) }}
- { name: {{ $server }}-authority, mountPath: /etc/infirmary/{{ $server }}, readOnly: true }
{{- end }}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "service.volumes" -}}
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
{{- range $server := list "broker" "database" }}
{{- with include "service.authority" (list $ $server) }}
- name: {{ $server }}-authority
  secret:
    secretName: {{ splitList "/" . | first }}
    items: [{ key: {{ splitList "/" . | last }}, path: ca.crt }]
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels and annotations that somebody wants on all pods. */}}
{{- define "service.podLabels" -}}
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "service.podAnnotations" -}}
{{- with .Values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Where pods run and as whom. No process asks Kubernetes for anything, so none gets a token for it. */}}
{{- define "service.podSettings" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext: {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .root.Values }}
{{- with .imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "service.containerSecurity" -}}
{{ toYaml .Values.containerSecurityContext }}
{{- end -}}

{{/* The command line of a process: (list root role defaultArguments). The default belongs to our images' command only. */}}
{{- define "service.command" -}}
{{- $root := index . 0 -}}
{{- $process := index $root.Values (index . 1) -}}
{{- with $process.command }}
command: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $process.args | default (empty $process.command | ternary (index . 2) list) }}
args: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Where a process shows its metrics and answers probes, or nothing: (list root role). */}}
{{- define "service.metricsPort" -}}
{{- $process := index (index . 0).Values (index . 1) -}}
{{- with eq (index . 1) "api" | ternary $process.metricsPort $process.port }}{{ . }}{{ end -}}
{{- end -}}

{{/*
The probes of a process: (list role port).

Readiness asks what the process itself knows: an API only looks at its database, so that a broker that is away takes no API
out; consumers and relays look at both. Liveness fails when the loop has not turned for a while, also when the process is frozen
and does not answer. One that is frozen does not hear SIGTERM either, so the kubelet waits only 5 s for it.
*/}}
{{- define "service.probes" -}}
{{- $port := index . 1 -}}
startupProbe:
  httpGet: { path: /healthz, port: {{ $port }} }
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: 90
readinessProbe:
  httpGet: { path: /readyz, port: {{ $port }} }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
livenessProbe:
  httpGet: { path: /healthz, port: {{ $port }} }
  periodSeconds: 5
  timeoutSeconds: 5
  # An API waits up to 13 s for a database that hangs, and is not helped by being killed for it.
  failureThreshold: {{ eq (index . 0) "api" | ternary 12 3 }}
  terminationGracePeriodSeconds: 5
{{- end -}}

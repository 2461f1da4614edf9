{{/* What the pods of a service have in common. */}}

{{/* Settings of all processes, as a map in YAML. */}}
{{- define "service.settings" -}}
INFIRMARY_ENV: {{ .Values.environment | quote }}
LOG_LEVEL: {{ .Values.logLevel | quote }}
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ $value | quote }}
{{- end }}
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
{{- end -}}

{{/* Where pods run and as whom. No process asks Kubernetes for anything, so none gets a token for it. */}}
{{- define "service.podSettings" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
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
{{- end }}
{{- end -}}

{{- define "service.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
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

{{/*
The probes of a process; the argument is its role.

Readiness asks what the process itself knows: an API only looks at its database, so that a broker that is away takes no API
out; consumers and relays look at both. Liveness fails when the loop has not turned for a while, also when the process is frozen
and does not answer. One that is frozen does not hear SIGTERM either, so the kubelet waits only 5 s for it.
*/}}
{{- define "service.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: 90
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
livenessProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 5
  timeoutSeconds: 5
  # An API waits up to 13 s for a database that hangs, and is not helped by being killed for it.
  failureThreshold: {{ eq . "api" | ternary 12 3 }}
  terminationGracePeriodSeconds: 5
{{- end -}}

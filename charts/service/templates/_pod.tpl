{{/* What the pods of a service have in common. */}}

{{/* Settings of all processes, as a map in YAML. */}}
{{- define "service.settings" -}}
{{- $all := dict "INFIRMARY_ENV" .Values.environment "LOG_LEVEL" .Values.logLevel -}}
{{- with .Values.accessRecordedBy }}{{ $_ := set $all "ACCESS_RECORDED_BY" . }}{{ end -}}
{{- with .Values.traces.exporter }}{{ $_ := set $all "TRACE_EXPORTER" . }}{{ end -}}
{{- with .Values.traces.endpoint }}{{ $_ := set $all "TRACE_ENDPOINT" . }}{{ end -}}
{{- if not (kindIs "invalid" .Values.traces.ratio) }}{{ $_ := set $all "TRACE_RATIO" .Values.traces.ratio }}{{ end -}}
{{- with include "service.given" . }}{{ $_ := set $all "INFIRMARY_SETTINGS" . }}{{ end -}}
{{- with include "service.issuer" . }}{{ $_ := set $all "OIDC_ISSUER" . }}{{ $_ := set $all "OIDC_AUDIENCE" $.Values.identity.audience }}{{ end -}}
{{- with .Values.identity.docsClient }}{{ $_ := set $all "OIDC_DOCS_CLIENT" . }}{{ end -}}
{{- $all = mergeOverwrite $all .Values.settings (dict "HTTP_HOSTS" (include "service.hosts" .)) -}}
{{- range $name, $value := $all }}
{{ $name }}: {{ include "service.text" $value | quote }}
{{- end }}
{{- end -}}

{{/* The API's names that have a dot: its short one in the cluster, those of the Ingress, and those that were said. */}}
{{- define "service.hosts" -}}
{{- $names := list (printf "%s.%s" (include "service.name" .) .Release.Namespace) -}}
{{- range .Values.ingress.hosts }}{{ $names = append $names .host }}{{ end -}}
{{- with .Values.settings.HTTP_HOSTS }}{{ $names = append $names . }}{{ end -}}
{{- join "," $names -}}
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

{{/* The addresses that a process is given, from their Secrets: (list root role). */}}
{{- define "service.addresses" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- with $root -}}
{{- $credentials := .Values.credentials -}}
{{- $owners := printf "{ name: %s, key: %s }" (include "service.secret" (list . "database")) $credentials.database.key -}}
- name: DATABASE_URL
  valueFrom:
    {{- if and $credentials.database.perProcess (ne $role "migration") }}
    secretKeyRef: { name: {{ include "service.name" . }}-{{ $role }}-credentials, key: {{ $credentials.database.processKey }} }
    {{- else }}
    secretKeyRef: {{ $owners }}
    {{- end }}
{{- if and $credentials.database.perProcess (eq $role "consumer") (eq "automatic" (dig "RESTORE" (.Values.settings.RESTORE | default "") .Values.consumer.settings)) }}
- name: OWNER_DATABASE_URL
  valueFrom:
    secretKeyRef: {{ $owners }}
{{- end }}
{{- if ne $role "api" }}
- name: RABBITMQ_URL
  valueFrom:
    secretKeyRef: { name: {{ include "service.secret" (list . "broker") }}, key: {{ $credentials.broker.key }} }
{{- end }}
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
    secretKeyRef: { name: {{ include "service.secret" (list $root "broker") }}, key: {{ $name }}, optional: true }
{{- end }}
{{- end }}
{{- range $server, $variable := dict "database" "DATABASE_CA_FILE" "broker" "RABBITMQ_CA_FILE" }}
{{- with include "service.authority" (list $root $server) }}
- { name: {{ $variable }}, value: /etc/infirmary/{{ $server }}/ca.crt }
{{- if and (eq $server "database") (eq $root.Values.database.engine "postgresql") }}
# So libpq calls it, for a process that knows no other name.
- { name: PGSSLROOTCERT, value: /etc/infirmary/{{ $server }}/ca.crt }
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
{{- end -}}

{{/*
What a process is given out of Secrets, as a checksum: (list root role). Variables are read once, at the start, so with another password
an upgrade gives it another pod. Where nobody can be asked, as by `helm template`, it is always the same. A Secret that is made of values
still holds the old ones when this is looked up.
*/}}
{{- define "service.credentials" -}}
{{- $namespace := (index . 0).Release.Namespace -}}
{{- $given := list (index . 0).Values.credentials.database.url (index . 0).Values.credentials.broker.url -}}
{{- range include "service.addresses" . | fromYamlArray -}}
{{- with dig "valueFrom" "secretKeyRef" (dict) . -}}
{{- $given = append $given (dig "data" .key "" (lookup "v1" "Secret" $namespace .name | default dict)) -}}
{{- end -}}
{{- end -}}
{{- join " " $given | sha256sum -}}
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

{{/* How the API is asked. */}}
{{- define "service.scheme" -}}
{{ include "service.certificate" . | empty | ternary "http" "https" }}
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
The probes of a process: (list role port scheme), the scheme as `, scheme: HTTPS` or nothing.

Readiness asks what the process itself knows: an API only looks at its database, so that a broker that is away takes no API
out; consumers and relays look at both. Liveness fails when the loop has not turned for a while, also when the process is frozen
and does not answer. One that is frozen does not hear SIGTERM either, so the kubelet waits only 5 s for it.
*/}}
{{- define "service.probes" -}}
{{- $port := index . 1 -}}
{{- $scheme := index . 2 -}}
startupProbe:
  httpGet: { path: /healthz, port: {{ $port }}{{ $scheme }} }
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: 90
readinessProbe:
  httpGet: { path: /readyz, port: {{ $port }}{{ $scheme }} }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
livenessProbe:
  httpGet: { path: /healthz, port: {{ $port }}{{ $scheme }} }
  periodSeconds: 5
  timeoutSeconds: 5
  # An API waits up to 13 s for a database that hangs, and is not helped by being killed for it.
  failureThreshold: {{ eq (index . 0) "api" | ternary 12 3 }}
  terminationGracePeriodSeconds: 5
{{- end -}}

{{- /* Stops where a service has a name that it cannot have everywhere: as a role, a user, a queue, a package and a release. */}}
{{- define "infra.checkNames" -}}
{{- $owners := dict -}}
{{- range $name, $has := .Values.services -}}
{{- if hasKey $owners $has.database -}}
{{- fail (printf "services: %s and %s have the same database, %s: each needs one of its own" (get $owners $has.database) $name $has.database) -}}
{{- end -}}
{{- $_ := set $owners $has.database $name -}}
{{- if or (hasPrefix "pg_" $has.database) (has $has.database (list "admin" "config" "infirmary" "local" "none" "postgres" "public" "template0" "template1")) -}}
{{- fail (printf "services: the database of %s cannot be called %q: the server has it for something else" $name $has.database) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z][a-z0-9]{0,30}$" $name) -}}
{{- fail (printf "services: a service cannot be called %q: take 1 to 31 lower-case letters and digits, a letter first, without - and _" $name) -}}
{{- end -}}
{{- if has $name (list "alertmanager" "grafana" "guest" "infirmary" "keycloak" "mongodb" "none" "postgres" "postgresql" "prometheus" "public" "rabbitmq" "zipkin") -}}
{{- fail (printf "services: a service cannot be called %q: the name is taken, take another one" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "infra.labels" -}}
app.kubernetes.io/part-of: infirmary
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "infra.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- /* Where the servers' pods run. */}}
{{- define "infra.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "infra.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- /*
The password kept under a key of a Secret, a new one the first time: (list root secret key). Within one rendering everybody gets
the same one, which is why it is remembered in the values.
*/}}
{{- define "infra.password" -}}
{{- $root := index . 0 -}}
{{- $memory := printf "remembered/%s/%s" (index . 1) (index . 2) -}}
{{- if not (hasKey $root.Values $memory) -}}
{{- $secret := lookup "v1" "Secret" $root.Release.Namespace (index . 1) | default dict -}}
{{- $kept := dig "data" (index . 2) "" $secret | b64dec -}}
{{- $_ := set $root.Values $memory ($kept | default (randAlphaNum 32)) -}}
{{- end -}}
{{- get $root.Values $memory -}}
{{- end -}}

{{- define "infra.volumeClaim" -}}
- metadata: { name: data }
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .root.Values.storageClassName }}
    storageClassName: {{ . }}
    {{- end }}
    resources: { requests: { storage: {{ .size }} } }
{{- end -}}

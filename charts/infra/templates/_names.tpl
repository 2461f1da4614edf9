{{- define "infra.labels" -}}
app.kubernetes.io/part-of: infirmary
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "infra.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
seccompProfile: { type: RuntimeDefault }
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

{{/* The provider of identities: who it is, how an API trusts its certificate, and where it is. */}}

{{/* The provider's URL, or nothing. It is refused here, before anything is installed, where a process would refuse it. */}}
{{- define "service.issuer" -}}
{{- $issuer := .Values.settings.OIDC_ISSUER | default .Values.identity.issuer -}}
{{- if and (eq .Values.environment "production") (not (hasPrefix "https://" $issuer)) -}}
{{- fail "identity.issuer: production lets people in by the tokens of a provider alone: say its URL, which begins with https://" -}}
{{- end -}}
{{- if and $issuer (not (regexMatch "^https?://[^/]+" $issuer)) -}}
{{- fail (printf "identity.issuer: should be the URL of a provider, as https://identity.example.com/realms/hospital, not %q" $issuer) -}}
{{- end -}}
{{- $issuer -}}
{{- end -}}

{{/* The authority of its certificate as a volume's source, or nothing. */}}
{{- define "service.identityAuthority" -}}
{{- with .Values.identity.ca -}}
{{- if and .configMap .secret -}}
{{- fail "identity.ca: say a configMap or a secret, not both" -}}
{{- end -}}
{{- if .configMap -}}
configMap:
  name: {{ .configMap }}
  items: [{ key: {{ .key }}, path: ca.crt }]
{{- else if .secret -}}
secret:
  secretName: {{ .secret }}
  items: [{ key: {{ .key }}, path: ca.crt }]
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The port that it is reached at. */}}
{{- define "service.issuerPort" -}}
{{- $url := urlParse (include "service.issuer" .) -}}
{{- $said := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{ .Values.identity.port | default $said | default (eq $url.scheme "https" | ternary 443 80) }}
{{- end -}}

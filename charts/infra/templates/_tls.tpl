{{- /* What TLS everywhere (tls.enabled) changes: ports, words of addresses, and where certificates are. */}}

{{- /* Something if it is on; a release from before it could be has no value for it. */}}
{{- define "infra.tls" -}}
{{- if (.Values.tls).enabled }}tls{{ end -}}
{{- end -}}

{{- /* A port of the broker's or of Keycloak's, with TLS or without: (list root name). */}}
{{- define "infra.port" -}}
{{- $plain := dict "amqp" 5672 "stream" 5552 "management" 15672 "keycloak" 8080 -}}
{{- $tls := dict "amqp" 5671 "stream" 5551 "management" 15671 "keycloak" 8443 -}}
{{- get (include "infra.tls" (index . 0) | empty | ternary $plain $tls) (index . 1) -}}
{{- end -}}

{{- define "infra.keycloak.url" -}}
{{- .Values.keycloak.url | default (printf "%s://keycloak:%s" (include "infra.tls" . | empty | ternary "http" "https") (include "infra.port" (list . "keycloak"))) -}}
{{- end -}}

{{- define "infra.amqp" -}}
{{- include "infra.tls" . | empty | ternary "amqp" "amqps" -}}
{{- end -}}

{{- /* What follows a database's name in its address. */}}
{{- define "infra.postgresql.words" -}}
{{- if include "infra.tls" . }}?sslmode=verify-full{{ end -}}
{{- end -}}

{{- define "infra.mongodb.words" -}}
{{- if include "infra.tls" . }}&tls=true{{ end -}}
{{- end -}}

{{- /* Where the broker listens. A certificate that was renewed it reads by itself. */}}
{{- define "infra.listeners" -}}
{{- if include "infra.tls" . -}}
listeners.tcp = none
listeners.ssl.default = 5671
stream.listeners.tcp = none
stream.listeners.ssl.default = 5551
stream.advertised_tls_port = 5551
management.ssl.port = 15671
{{- range $of := list "ssl_options" "management.ssl" }}
{{ $of }}.cacertfile = /etc/certificate/ca.crt
{{ $of }}.certfile = /etc/certificate/tls.crt
{{ $of }}.keyfile = /etc/certificate/tls.key
{{- end }}
{{- else -}}
listeners.tcp.default = 5672
stream.listeners.tcp.default = 5552
stream.advertised_port = 5552
{{- end -}}
{{- end -}}

{{- /* A server's own certificate. */}}
{{- define "infra.certificate.mount" -}}
{{- if include "infra.tls" . -}}
- { name: certificate, mountPath: /etc/certificate, readOnly: true }
{{- end -}}
{{- end -}}

{{- /* (list root server). PostgreSQL takes no key that others can read. */}}
{{- define "infra.certificate.volume" -}}
{{- if include "infra.tls" (index . 0) -}}
- name: certificate
  secret: { secretName: {{ index . 1 }}-tls, defaultMode: 0440 }
{{- end -}}
{{- end -}}

{{- /* Whom a client trusts: the authority's certificate, without its key. */}}
{{- define "infra.authority.mount" -}}
{{- if include "infra.tls" . -}}
- { name: authority, mountPath: /etc/authority, readOnly: true }
{{- end -}}
{{- end -}}

{{- define "infra.authority.volume" -}}
{{- if include "infra.tls" . -}}
- name: authority
  secret:
    secretName: hospital-authority
    items: [{ key: ca.crt, path: ca.crt }]
{{- end -}}
{{- end -}}

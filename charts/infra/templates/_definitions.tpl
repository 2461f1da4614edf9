{{- /*
RabbitMQ's virtual host, users and rights, loaded at each start.

A service may declare any log or inbox (whoever comes first declares what it needs), publish to the default exchange, and read
every log but no inbox other than its own. It marks the virtual host as its own by an exchange with an alternate one, which wants
all three rights of the names that begin with <service>.owner. The auditor of gaps may read every log and nothing else. Whatever a service may be
called, these patterns allow (infra.services).
*/}}
{{- define "infra.definitions" -}}
{{- $host := .Values.rabbitmq.virtualHost -}}
{{- $log := `[a-z][a-z0-9]{0,30}\.events(\.[1-9][0-9]?)?` -}}
vhosts:
  - name: {{ $host }}
    default_queue_type: quorum
users:
  - name: infirmary
    password: {{ include "infra.password" (list . "rabbitmq-administrator" "password") }}
    tags: [administrator]
  {{- if .Values.gapAuditor.enabled }}
  - name: gap-auditor
    password: {{ include "infra.password" (list . "gap-auditor-credentials" "password") }}
    tags: []
  {{- end }}
  {{- range $service, $_ := .Values.services }}
  - name: {{ $service }}
    password: {{ include "infra.password" (list $ (printf "%s-credentials" $service) "brokerPassword") }}
    tags: []
  {{- end }}
permissions:
  - { vhost: {{ $host }}, user: infirmary, configure: ".*", write: ".*", read: ".*" }
  {{- if .Values.gapAuditor.enabled }}
  - { vhost: {{ $host }}, user: gap-auditor, configure: '^$', write: '^$', read: '^{{ $log }}$' }
  {{- end }}
  {{- range $service, $_ := .Values.services }}
  - vhost: {{ $host }}
    user: {{ $service }}
    configure: '^({{ $log }}|[a-z][a-z0-9]{0,30}\.inbox|{{ $service }}\.owner)$'
    write: '^(amq\.default|{{ $service }}\.owner\..+)$'
    read: '^({{ $log }}|{{ $service }}\.(inbox|owner))$'
  {{- end }}
{{- end -}}

{{- /*
RabbitMQ's virtual host, users and rights, loaded at each start.

A service may declare its own logs and write to them, and to nobody else's; it publishes to the default exchange where it speaks AMQP
0-9-1, and reads everybody's events and what is written to it alone. It marks the virtual host as its own by an exchange with an alternate one, which wants all three rights of the
names that begin with <service>.owner. <service>.inbox is the queue in which a release before got its commands. The auditor of gaps
may read every log and nothing else. Whatever a service may be called, these patterns allow (infra.services).
*/}}
{{- define "infra.definitions" -}}
{{- $host := .Values.rabbitmq.virtualHost -}}
{{- $any := `[a-z][a-z0-9]{0,30}` -}}
{{- $part := `(\.[1-9][0-9]?)?` -}}
{{- $log := printf `(events|to\.%s)%s` $any $part -}}
vhosts:
  - name: {{ $host }}
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
  - { vhost: {{ $host }}, user: gap-auditor, configure: '^$', write: '^$', read: '^{{ $any }}\.{{ $log }}$' }
  {{- end }}
  {{- range $service, $_ := .Values.services }}
  - vhost: {{ $host }}
    user: {{ $service }}
    configure: '^{{ $service }}\.({{ $log }}|owner|inbox)$'
    write: '^(amq\.default|{{ $service }}\.({{ $log }}|owner\..+))$'
    read: '^({{ $any }}\.(events|to\.{{ $service }}){{ $part }}|{{ $service }}\.(owner|inbox))$'
  {{- end }}
{{- end -}}
